//! Which addresses may be dialled: a pure rule over one address and the granted networks.
//!
//! It is asked for literal addresses in URLs and for everything that a name resolves to. Must be absent: names, lookups.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What an address is, as far as dialling is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Anybody's.
    Public,
    /// Dialled only where a grant names its network.
    Private(&'static str),
    /// Never dialled.
    Never(&'static str),
}

/// Why an address is not dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) address: IpAddr,
    pub(super) class: &'static str,
    /// Whether a grant would change it.
    pub(super) grantable: bool,
}

/// The one question of this module.
pub(super) fn check(address: IpAddr, granted: &[IpNet]) -> Result<(), Refused> {
    let address = canonical(address);
    match classify(address) {
        Class::Public => Ok(()),
        Class::Private(_) if granted.iter().any(|network| network.contains(&address)) => Ok(()),
        Class::Private(class) => Err(Refused { address, class, grantable: true }),
        Class::Never(class) => Err(Refused { address, class, grantable: false }),
    }
}

/// An IPv4 address that is written as an IPv6 one is that IPv4 address: the kernel dials it so.
fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> Class {
    let [a, b, c, d] = address.octets();
    match (a, b, c, d) {
        (0, ..) => Class::Never("unspecified"),
        (169, 254, ..) => Class::Never("link-local, where clouds keep their metadata"),
        // Azure's and Alibaba's metadata services, which are not link-local.
        (168, 63, 129, 16) | (100, 100, 100, 200) => Class::Never("a cloud's metadata service"),
        (127, ..) => Class::Private("loopback"),
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) => Class::Private("private"),
        (100, 64..=127, ..) => Class::Private("shared address space"),
        (198, 18..=19, ..) => Class::Private("for benchmarks"),
        (192, 0, 0, _) => Class::Never("for protocol assignments"),
        (192, 0, 2, _) | (198, 51, 100, _) | (203, 0, 113, _) => Class::Never("for documentation"),
        (192, 88, 99, _) => Class::Never("a relay of 6to4"),
        (224..=239, ..) => Class::Never("multicast"),
        (240..=255, ..) => Class::Never("reserved"),
        _ => Class::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> Class {
    let s = address.segments();
    let tail = Ipv4Addr::from(((u32::from(s[6])) << 16) | u32::from(s[7]));
    if address.is_loopback() {
        return Class::Private("loopback");
    }
    // What a translator would dial for us has to be public: a grant names the network that we dial ourselves.
    let translated =
        |v4: Ipv4Addr, how| if classify_v4(v4) == Class::Public { Class::Public } else { Class::Never(how) };
    match s {
        [0, 0, 0, 0, 0, 0, ..] => Class::Never("unspecified, or an IPv4 address in disguise"),
        [0, 0, 0, 0, 0xffff, 0, ..] => translated(tail, "translated to an IPv4 address that is not public"),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => translated(tail, "translated to an IPv4 address that is not public"),
        [0x64, 0xff9b, 1, ..] => Class::Never("for local translation to IPv4"),
        [0x2002, high, low, ..] => {
            let v4 = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
            translated(v4, "6to4 of an IPv4 address that is not public")
        }
        [0x2001, 0, ..] => Class::Never("a Teredo tunnel"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Never("for documentation"),
        [0x2001, 0x2..=0x1ff, ..] => Class::Never("for protocol assignments"),
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Class::Never("a cloud's metadata service"),
        [0xfc00..=0xfdff, ..] => Class::Private("private"),
        [0xfe80..=0xfebf, ..] => Class::Never("link-local"),
        [0xfec0..=0xfeff, ..] => Class::Private("site-local"),
        [0xff00..=0xffff, ..] => Class::Never("multicast"),
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Never("not assigned"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_dialled_only_where_the_table_says_so() {
        #[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
        let granted: Vec<IpNet> =
            ["10.0.0.0/8", "127.0.0.1/32", "::1/128", "fd00::/8", "169.254.0.0/16", "0.0.0.0/0", "::/0"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        // Address, without a grant, with every grant there is.
        let rows = [
            ("93.184.216.34", true, true),
            ("2606:4700::1111", true, true),
            ("127.0.0.1", false, true),
            ("127.8.8.8", false, true),
            ("10.1.2.3", false, true),
            ("172.16.0.1", false, true),
            ("172.31.255.255", false, true),
            ("172.32.0.1", true, true),
            ("192.168.0.1", false, true),
            ("100.64.0.1", false, true),
            ("198.18.0.1", false, true),
            ("169.254.169.254", false, false),
            ("169.254.0.1", false, false),
            ("100.100.100.200", false, false),
            ("168.63.129.16", false, false),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
            ("192.0.2.1", false, false),
            ("::1", false, true),
            ("::", false, false),
            ("fd12:3456::1", false, true),
            ("fd00:ec2::254", false, false),
            ("fe80::1", false, false),
            ("ff02::1", false, false),
            ("2001:db8::1", false, false),
            // The same IPv4 addresses in every disguise.
            ("::ffff:169.254.169.254", false, false),
            ("::ffff:127.0.0.1", false, true),
            ("::ffff:93.184.216.34", true, true),
            ("::127.0.0.1", false, false),
            ("::169.254.169.254", false, false),
            ("::ffff:0:169.254.169.254", false, false),
            ("64:ff9b::169.254.169.254", false, false),
            ("64:ff9b::10.0.0.1", false, false),
            ("64:ff9b::93.184.216.34", true, true),
            ("64:ff9b:1::a00:1", false, false),
            ("2002:a9fe:a9fe::1", false, false),
            ("2002:7f00:1::1", false, false),
            ("2002:5db8:d822::1", true, true),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", false, false),
        ];
        for (text, bare, with_grants) in rows {
            #[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(check(address, &[]).is_ok(), bare, "{text} without a grant");
            assert_eq!(check(address, &granted).is_ok(), with_grants, "{text} with every grant");
        }
    }

    #[test]
    fn a_grant_of_one_network_opens_no_other() {
        let granted = [IpNet::from(IpAddr::from([127, 0, 0, 1]))];
        assert!(check(IpAddr::from([127, 0, 0, 1]), &granted).is_ok());
        let refused = check(IpAddr::from([127, 0, 0, 2]), &granted);
        assert_eq!(refused.map_err(|refused| refused.grantable), Err(true));
    }
}
