//! How fast logs are masked: `cargo run --release -p novacron-cicd-vault --example mask_speed [secrets]`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people, which shows what it measured")]

use std::{hint::black_box, time::Instant};

use novacron_cicd_vault::{Masker, Secret};

fn main() {
    let count = std::env::args().nth(1).map_or(50, |count| count.parse().unwrap());
    let secrets: Vec<Secret> = (0..count)
        .map(|_| {
            let mut random = [0; 20];
            getrandom::fill(&mut random).unwrap();
            Secret::new(hex::encode(random))
        })
        .collect();
    let began = Instant::now();
    let masker = Masker::new(&secrets);
    println!("{count} secrets made known in {:?}", began.elapsed());

    let line =
        "2026-01-02T03:04:05.678Z [build] Compiling novacron-cicd-vault v0.1.0 (/builds/ab12cd34/host/vault) ok\n";
    let mut log: Vec<u8> = line.bytes().cycle().take(16 << 20).collect();
    log.extend_from_slice(secrets[0].expose());
    let began = Instant::now();
    black_box(masker.mask_bytes(&log));
    report("at once", log.len(), began);
    let began = Instant::now();
    let mut stream = masker.stream();
    for piece in log.chunks(16 << 10) {
        black_box(stream.push(piece));
    }
    black_box(stream.finish());
    report("in pieces of 16 KiB", log.len(), began);
}

fn report(how: &str, bytes: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{how}: {:.0} MB/s", bytes as f64 / 1e6 / seconds);
}
