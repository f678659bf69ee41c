//! A kill in the middle of writing loses nothing that was answered, and leaves no lock.
//!
//! The child is this very binary, run for one test with a variable that tells it where to write.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use novacron_cicd_domain::id::ProviderId;
use novacron_cicd_store::StoreError;

use crate::{Home, open, sample};

const DATABASE: &str = "NOVACRON_CICD_STORE_TEST_DATABASE";
const FIRST: &str = "NOVACRON_CICD_STORE_TEST_FIRST";
const ANSWERED: &str = "answered ";

/// Writes from eight tasks until it is killed, and says what was answered.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Some(database) = std::env::var_os(DATABASE) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = open(&PathBuf::from(database));
    let writers = (0..8_u64).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (first + writer..).step_by(8) {
                store.write(move |tx| tx.insert_provider(&sample::provider(n))).await.unwrap();
                let line = format!("{ANSWERED}{n}\n");
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_of_writing_loses_nothing_that_was_answered() {
    let home = Home::new();
    let mut answered: Vec<u64> = Vec::new();
    // Each child meets what the one before it left, and is killed at another moment.
    for (round, lines) in (1..).zip([1, 40, 333]) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(DATABASE, home.database())
            .env(FIRST, (round * 1_000_000).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut heard = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The harness may write its own words before the first line.
            let Some((_, number)) = line.split_once(ANSWERED) else { continue };
            answered.extend(number.parse::<u64>());
            heard += 1;
            if heard == lines {
                // What the child says until it is dead is still in the pipe, and is read too.
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(heard >= lines, "round {round}: the child ended by itself");

        let store = open(&home.database());
        let asked = answered.clone();
        let missing: Vec<u64> = store
            .read(move |state| {
                let there = |n: &u64| state.provider(ProviderId(sample::uuid(*n))).is_ok();
                Ok::<_, StoreError>(asked.into_iter().filter(|n| !there(n)).collect())
            })
            .await
            .unwrap();
        assert_eq!(missing, Vec::<u64>::new(), "round {round}");
        drop(store);
        let conn = rusqlite::Connection::open(home.database()).unwrap();
        let verdict: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
    }
}
