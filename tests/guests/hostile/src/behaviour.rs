//! The behaviours by name.
#![allow(clippy::print_stdout, clippy::panic, clippy::disallowed_methods, reason = "misbehaving is what this is for")]

use std::hint::black_box;

use novacron_cicd_sdk::types::Error;
use novacron_cicd_sdk::{Result, http::Request, keys, kv, random};

use crate::Settings;

/// Does what the settings say; the answer is what is to be told of it.
pub(crate) fn misbehave(settings: &Settings) -> Result<Vec<String>> {
    match settings.behaviour.as_str() {
        "none" | "empty-id" => Ok(Vec::new()),
        "endless-loop" => endless(),
        "memory-bomb" => memory(),
        "memory-refused" => refused(),
        "deep-recursion" => Ok(vec![recursion(black_box(1)).to_string()]),
        "large-frames" => Ok(vec![frames(1).to_string()]),
        "panic" => panic!("the guest gives up: {}", settings.text),
        "exit" => std::process::exit(3),
        "send-and-panic" => {
            Request::post("/hook").send()?;
            panic!("the guest gives up after it has sent");
        }
        "huge-answer" => Ok(vec!["x".repeat(32 << 20)]),
        "huge-import" => {
            novacron_cicd_sdk::log::write(novacron_cicd_sdk::log::Level::Info, &"x".repeat(32 << 20), &[]);
            Ok(Vec::new())
        }
        "log-flood" => {
            for line in 0..100_000 {
                novacron_cicd_sdk::info!("line {} of a flood: {}", line, settings.text);
            }
            Ok(Vec::new())
        }
        "print" => {
            println!("{}", settings.text);
            Ok(Vec::new())
        }
        "print-forever" => loop {
            println!("{}", "there is always something to say ".repeat(100));
        },
        "log" => {
            novacron_cicd_sdk::info!("the guest says {}", settings.text);
            Ok(Vec::new())
        }
        "error" => Err(Error::upstream(settings.text.clone(), 500, settings.text.clone())),
        "many-requests" => requests(10_000),
        "request" => requests(1),
        "changing-request" => {
            Request::post("/hook").send()?;
            Ok(Vec::new())
        }
        "signed" => {
            let claims = std::collections::BTreeMap::from([("iss", settings.text.as_str())]);
            let slot = keys::sign_jwt("app", "ES256", &claims)?;
            asked(Request::get("/app").credential(slot))
        }
        "logged-in" => asked(Request::get("/x").credential("token")),
        "known" => known(Request::get("/x").credential("token")),
        "known-and-changed" => known(Request::post("/x").credential("token")),
        "fetch" => asked(Request::get("/")),
        "many-handles" => handles(),
        "sleep" => {
            std::thread::sleep(std::time::Duration::from_secs(600));
            Ok(Vec::new())
        }
        "random" => Ok(vec![random::bytes(16).len().to_string()]),
        "kv" => counter(),
        "keys" => keyed(&settings.text),
        "environment" => {
            let mut seen: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
            seen.extend(std::env::args());
            Ok(seen)
        }
        "state" => Ok(vec![remembered().to_string()]),
        other => Err(Error::invalid_input("behaviour", format!("{other} is not known"))),
    }
}

fn endless() -> ! {
    let mut count: u64 = 0;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

/// Touches all that it gets: what is only asked for costs the host nothing.
fn memory() -> Result<Vec<String>> {
    let mut held = Vec::new();
    loop {
        held.push(vec![1_u8; 1 << 20]);
        black_box(&held);
    }
}

/// Asks for too much, is refused, and goes on without.
fn refused() -> Result<Vec<String>> {
    let mut wanted: Vec<u8> = Vec::new();
    Ok(vec![match wanted.try_reserve(1 << 30) {
        Ok(()) => "granted".to_owned(),
        Err(_) => "refused".to_owned(),
    }])
}

/// On the engine's stack alone.
#[inline(never)]
fn recursion(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    recursion(depth + 1).wrapping_mul(3) ^ depth
}

/// With frames in linear memory, which run out first.
#[inline(never)]
fn frames(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX {
        return depth;
    }
    frames(depth + 1).wrapping_add(frame[(depth % 64) as usize])
}

fn requests(count: u32) -> Result<Vec<String>> {
    let mut answered = 0;
    for _ in 0..count {
        match Request::get("/").send() {
            Ok(_) => answered += 1,
            Err(error) => return Ok(vec![answered.to_string(), error.message]),
        }
    }
    Ok(vec![answered.to_string()])
}

/// What the platform said to it.
fn asked(request: Request) -> Result<Vec<String>> {
    Ok(vec![request.send()?.ok()?.text()])
}

/// What the platform said to it; nothing is what it says to whom it does not know.
fn known(request: Request) -> Result<Vec<String>> {
    match request.send()?.ok()?.text() {
        said if said.is_empty() => Err(Error::unauthorized("the platform knows nobody")),
        said => Ok(vec![said]),
    }
}

/// What becomes of a key: the names of slots, and the refusals.
fn keyed(slot: &str) -> Result<Vec<String>> {
    let told = |made: Result<String>| made.unwrap_or_else(|error| error.message);
    let claims = std::collections::BTreeMap::from([("iss", "hostile")]);
    Ok(vec![
        told(keys::hmac(slot, "hex", b"message")),
        told(keys::hmac(slot, "octal", b"message")),
        told(keys::sign_jwt(slot, "HS256", &claims)),
    ])
}

fn counter() -> Result<Vec<String>> {
    let before = kv::get("count");
    let (value, version) = before.map_or((0, 0), |entry| (entry.value[0], entry.version));
    let put = kv::put("count", &[value + 1], Some(version), None);
    Ok(vec![(value + 1).to_string(), format!("{put:?}")])
}

fn remembered() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed)
}

#[cfg(target_family = "wasm")]
fn handles() -> Result<Vec<String>> {
    let mut held = Vec::new();
    loop {
        held.push(wasip2::clocks::monotonic_clock::subscribe_duration(u64::MAX));
        black_box(&held);
    }
}

#[cfg(not(target_family = "wasm"))]
fn handles() -> Result<Vec<String>> {
    Err(Error::unsupported("handles"))
}
