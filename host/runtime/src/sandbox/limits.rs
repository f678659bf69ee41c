//! What one call of a guest may use. Every limit has a test that makes it fire.

use std::time::Duration;

use crate::egress::Budget;

/// What one call of a guest may use, in units that a person can measure.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of linear memory, all memories together: 64 MiB.
    pub memory: usize,
    /// Linear memories: 16. A component of one language runtime has one, a Python guest a few.
    pub memories: usize,
    /// Tables: 64. One per core module that calls indirectly.
    pub tables: usize,
    /// Elements of one table, 8 bytes each: 20,000.
    pub table_elements: usize,
    /// Core module instances that a component is made of: 64. Rust needs 3, Python 38.
    pub core_instances: usize,
    /// Resource handles held at once: 10,000.
    pub handles: usize,
    /// Bytes that the guest hands to the host in one call of an import, or in its answer: 16 MiB.
    pub hostcall_bytes: usize,
    /// Bytes of the guest's own stack: 512 KiB.
    pub stack: usize,
    /// From the begin of the call to its end, waiting included: 60 s. A call may have a shorter deadline, never a longer.
    pub wall: Duration,
    /// Time spent computing, waiting for the host excluded: 5 s, counted in ticks of 10 ms.
    pub cpu: Duration,
    /// Bytes of stdout and stderr together that are kept: 64 KiB. What is printed beyond is counted and dropped.
    pub output: usize,
    /// Lines of `log.write` that are kept: 1,000. What is logged beyond is counted and dropped.
    pub log_lines: u32,
    /// Requests and bytes that go through the door.
    pub budget: Budget,
    /// Bytes of a plugin's file: 64 MiB.
    pub file: u64,
    /// Calls side by side, all plugins together: 64. More wait for a place until their deadline.
    pub calls: usize,
    /// Calls side by side of one plugin: 32, so that one that hangs leaves places for the others.
    pub calls_per_plugin: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            memories: 16,
            tables: 64,
            table_elements: 20_000,
            core_instances: 64,
            handles: 10_000,
            hostcall_bytes: 16 << 20,
            stack: 512 << 10,
            wall: Duration::from_secs(60),
            cpu: Duration::from_secs(5),
            output: 64 << 10,
            log_lines: 1_000,
            budget: Budget::default(),
            file: 64 << 20,
            calls: 64,
            calls_per_plugin: 32,
        }
    }
}

impl Limits {
    /// Name and value of each limit, the value in units for people.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let bytes = |bytes: u64| match bytes {
            0..1024 => format!("{bytes} bytes"),
            1024..1_048_576 => format!("{} KiB", bytes >> 10),
            _ => format!("{} MiB", bytes >> 20),
        };
        let seconds = |time: Duration| format!("{} s", time.as_secs_f64());
        vec![
            ("memory", bytes(self.memory as u64)),
            ("memories", self.memories.to_string()),
            ("tables", self.tables.to_string()),
            ("table-elements", self.table_elements.to_string()),
            ("core-instances", self.core_instances.to_string()),
            ("handles", self.handles.to_string()),
            ("bytes-per-host-call", bytes(self.hostcall_bytes as u64)),
            ("stack", bytes(self.stack as u64)),
            ("wall-time", seconds(self.wall)),
            ("cpu-time", seconds(self.cpu)),
            ("output", bytes(self.output as u64)),
            ("log-lines", self.log_lines.to_string()),
            ("requests-per-call", self.budget.requests.to_string()),
            ("request-bytes-per-call", bytes(self.budget.bytes)),
            ("response-body", bytes(self.budget.body)),
            ("file", bytes(self.file)),
            ("calls-side-by-side", self.calls.to_string()),
            ("calls-side-by-side-per-plugin", self.calls_per_plugin.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_in_units_for_people() {
        let told = Limits::default().describe();
        for (name, value) in
            [("memory", "64 MiB"), ("stack", "512 KiB"), ("wall-time", "60 s"), ("core-instances", "64")]
        {
            assert!(told.contains(&(name, value.to_owned())), "{name} is not {value} in {told:?}");
        }
    }
}
