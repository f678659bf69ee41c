//! Server-sent events from a stream of bytes.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    pub(crate) data: String,
}

/// Takes bytes as they come and gives events as they are whole.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    rest: Vec<u8>,
    event: Event,
    has_data: bool,
}

impl Reader {
    /// Takes some bytes; gives the events that are whole now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(at) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=at).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if self.has_data {
                    events.push(std::mem::take(&mut self.event));
                }
                self.event = Event::default();
                self.has_data = false;
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => {
                    if self.has_data {
                        self.event.data.push('\n');
                    }
                    self.event.data.push_str(value);
                    self.has_data = true;
                }
                "event" => value.clone_into(&mut self.event.kind),
                "id" => self.event.id = Some(value.to_owned()),
                _ => {}
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_the_same_however_the_bytes_are_cut() {
        let text = ": ping\n\nid: 7\nevent: run.state\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nid: 9\n\nevent: end\ndata: ü\n\n";
        let event = |id: Option<&str>, kind: &str, data: &str| Event {
            id: id.map(str::to_owned),
            kind: kind.into(),
            data: data.into(),
        };
        let expected = [event(Some("7"), "run.state", "{\"a\":\n1}"), event(None, "", "x"), event(None, "end", "ü")];
        for size in 1..=text.len() {
            let mut reader = Reader::default();
            let events: Vec<_> = text.as_bytes().chunks(size).flat_map(|chunk| reader.push(chunk)).collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }
}
