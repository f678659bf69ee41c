//! The host's own messages to others: one signed POST to one address, by the same rules as a plugin's requests.
//!
//! Must be absent: a redirect that is followed, a connection that is kept, a whole answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use url::Url;

use super::{
    DoorConfig, allow, dial,
    error::{ScopeError, SendError},
    resolve::{self, Vetted, Whose},
    send,
    witness::Witness,
};

/// What is sent.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The name of the subscriber that it is for.
    pub subscriber: String,
    /// `http` or `https`.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it was signed.
    pub body: Bytes,
    /// Private or loopback networks that may be dialled for it: `10.0.0.0/8`.
    pub private_networks: Vec<String>,
    /// How long it may take in all.
    pub timeout: Duration,
    /// So much of the answer's body is read.
    pub answer_bytes: usize,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The status, whatever it is.
    pub status: u16,
    /// The value of `Retry-After`, where it is text.
    pub retry_after: Option<String>,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// Takes parcels to their addresses.
pub struct Courier {
    config: DoorConfig,
}

impl Courier {
    /// With no connection open.
    #[must_use]
    pub const fn new(config: DoorConfig) -> Self {
        Self { config }
    }

    /// Refuses networks that are none.
    ///
    /// # Errors
    /// [`ScopeError::BadNetwork`].
    pub fn check_networks(texts: &[String]) -> Result<(), ScopeError> {
        networks(texts).map(drop)
    }

    /// Sends a parcel; what became of it is in the answer's status.
    ///
    /// # Errors
    /// [`SendError`] says whether a byte was sent.
    pub async fn post(&self, parcel: Parcel) -> Result<Receipt, SendError> {
        let witness = Witness::default();
        let (timeout, late) = (parcel.timeout, witness.clone());
        match tokio::time::timeout(timeout, self.send(parcel, &witness)).await {
            Ok(sent) => sent,
            Err(_) => Err(late.failure(format!("there was no answer within {} s", timeout.as_secs()))),
        }
    }

    async fn send(&self, parcel: Parcel, witness: &Witness) -> Result<Receipt, SendError> {
        let bad = |reason: String| SendError::BadRequest(format!("the message can't be sent: {reason}"));
        let url = Url::parse(&parcel.url).map_err(|error| bad(error.to_string()))?;
        let url = allow::normalise(url).map_err(|reason| bad(reason.to_owned()))?;
        let networks = networks(&parcel.private_networks).map_err(|error| bad(error.to_string()))?;
        let whose = Whose { what: "subscriber", name: parcel.subscriber };
        resolve::check_literal(&whose, &networks, &url)?;
        let headers = headers(&parcel.headers).map_err(bad)?;
        let resolver = Vetted::new(self.config.lookup.clone(), whose, networks, None);
        let tls = dial::tls(None).map_err(bad)?;
        let client = dial::builder(&self.config, tls, resolver).pool_max_idle_per_host(0);
        let client = client.build().map_err(|error| bad(error.to_string()))?;
        let body = witness.testimony(|| {}).body(parcel.body);
        let sent = client.post(url.clone()).headers(headers).body(body).send().await;
        let mut response = sent.map_err(|error| send::failure(&error, &url, witness))?;
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let (status, retry_after) = (response.status().as_u16(), retry_after.map(str::to_owned));
        let mut body = Vec::new();
        // The status says it all: an answer that breaks off behind it is one.
        while body.len() < parcel.answer_bytes {
            let Ok(Some(piece)) = response.chunk().await else { break };
            body.extend_from_slice(&piece);
        }
        body.truncate(parcel.answer_bytes);
        Ok(Receipt { status, retry_after, body })
    }
}

fn networks(texts: &[String]) -> Result<Vec<IpNet>, ScopeError> {
    texts.iter().map(|text| allow::network(text)).collect()
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (parsed, value) = parsed.ok_or_else(|| format!("{name} can't be a header"))?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{io, net::IpAddr, sync::Arc};

    use async_trait::async_trait;
    use novacron_cicd_domain::Coded as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        task::JoinHandle,
    };

    use super::*;
    use crate::egress::Lookup;

    /// Every name is this machine.
    struct Here;

    #[async_trait]
    impl Lookup for Here {
        async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        }
    }

    fn courier() -> Courier {
        Courier::new(DoorConfig { lookup: Arc::new(Here), ..DoorConfig::default() })
    }

    /// Answers one request with these bytes; what it asked.
    async fn receiver(answer: &'static str) -> (u16, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"{\"a\":1}") {
                assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (port, asked)
    }

    fn parcel(url: String, networks: &[&str]) -> Parcel {
        Parcel {
            subscriber: "ops".into(),
            url,
            headers: vec![("webhook-id".into(), "7".into()), ("content-type".into(), "application/json".into())],
            body: Bytes::from_static(b"{\"a\":1}"),
            private_networks: networks.iter().map(|text| (*text).to_owned()).collect(),
            timeout: Duration::from_secs(30),
            answer_bytes: 4,
        }
    }

    #[tokio::test]
    async fn a_parcel_is_posted_once_and_the_beginning_of_the_answer_comes_back() {
        let answer = "HTTP/1.1 503 Busy\r\nretry-after: 30\r\ncontent-length: 8\r\nconnection: close\r\n\r\nlong one";
        let (port, asked) = receiver(answer).await;
        let url = format!("http://tell.example.com:{port}/hook?a=b");
        let receipt = courier().post(parcel(url, &["127.0.0.0/8"])).await.unwrap();
        assert_eq!(receipt, Receipt { status: 503, retry_after: Some("30".into()), body: b"long".to_vec() });
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("webhook-id: 7\r\n") && asked.contains("content-type: application/json\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_like_any_other() {
        let (port, _asked) = receiver("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n").await;
        let url = format!("http://127.0.0.1:{port}/");
        assert_eq!(courier().post(parcel(url, &["127.0.0.1/32"])).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn a_private_address_is_dialled_only_where_it_was_granted_and_a_metadata_service_never() {
        // Nobody listens at the ones that are refused: nothing is dialled.
        let rows = [
            (
                "http://127.0.0.1:9/",
                &[][..],
                "egress.denied",
                Some("subscriber update ops --grant-network 127.0.0.1/32"),
            ),
            (
                "http://tell.example.com:9/",
                &[],
                "egress.denied",
                Some("subscriber update ops --grant-network 127.0.0.1/32"),
            ),
            (
                "http://[::1]:9/",
                &["127.0.0.1/32"],
                "egress.denied",
                Some("subscriber update ops --grant-network ::1/128"),
            ),
            ("http://169.254.169.254/", &["169.254.0.0/16"], "egress.denied", None),
            ("ftp://tell.example.com/", &[], "egress.bad-request", None),
            ("http://me:pw@tell.example.com/", &[], "egress.bad-request", None),
        ];
        for (url, granted, code, hint) in rows {
            let error = courier().post(parcel(url.into(), granted)).await.unwrap_err();
            assert_eq!((error.code(), error.hint().as_deref()), (code, hint), "{url}: {error}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert!(Courier::check_networks(&["10.0.0.0/8".into(), "::1".into()]).is_ok());
        assert!(Courier::check_networks(&["10.0.0.0/33".into()]).is_err());
    }
}
