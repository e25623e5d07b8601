//! What a node says of itself on `/diagnostics`: rates, drops, bad messages, topics that are silent.

use super::convert::pose::header_msg;
use super::{BadMessage, Node, RosError, qos};
use r2r::diagnostic_msgs::msg::{DiagnosticArray, DiagnosticStatus, KeyValue};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Collects what happens in a node; shared by its threads.
pub struct Diagnostics {
    name: String,
    state: Mutex<State>,
}

struct State {
    started: Instant,
    reported: Instant,
    counters: BTreeMap<&'static str, Counter>,
    values: BTreeMap<&'static str, String>,
    trouble: BTreeMap<&'static str, String>,
    topics: BTreeMap<String, Topic>,
}

#[derive(Default)]
struct Counter {
    total: u64,
    reported: u64,
    loss: bool,
}

struct Topic {
    timeout: Duration,
    last: Option<Instant>,
    bad_total: u64,
    bad_reported: u64,
    bad_reason: String,
    bad_logged: Option<Instant>,
}

impl Diagnostics {
    /// For the node of this name.
    pub fn new(name: &str) -> Self {
        let now = Instant::now();
        let state = State {
            started: now,
            reported: now,
            counters: BTreeMap::new(),
            values: BTreeMap::new(),
            trouble: BTreeMap::new(),
            topics: BTreeMap::new(),
        };
        Self { name: name.into(), state: Mutex::new(state) }
    }

    /// Counts events, whose total and rate are reported.
    pub fn count(&self, name: &'static str, events: u64) {
        self.lock().counters.entry(name).or_default().total += events;
    }

    /// Counts losses: as events, and new ones are a warning.
    pub fn lose(&self, name: &'static str, losses: u64) {
        let mut state = self.lock();
        let counter = state.counters.entry(name).or_default();
        counter.total += losses;
        counter.loss = true;
    }

    /// How many events or losses there were.
    pub fn total(&self, name: &str) -> u64 {
        self.lock().counters.get(name).map_or(0, |counter| counter.total)
    }

    /// Reports a value.
    pub fn set(&self, name: &'static str, value: impl ToString) {
        self.lock().values.insert(name, value.to_string());
    }

    /// Reports a state of trouble until it is cleared with `None`.
    pub fn trouble(&self, name: &'static str, what: Option<String>) {
        let mut state = self.lock();
        match what {
            Some(what) => state.trouble.insert(name, what),
            None => state.trouble.remove(name),
        };
    }

    /// Reports a topic as soon as it has been silent for this long.
    pub fn expect_topic(&self, topic: &str, timeout: Duration) {
        self.lock().topic(topic).timeout = timeout;
    }

    /// A message of a topic has come.
    pub fn heard(&self, topic: &str) {
        self.lock().topic(topic).last = Some(Instant::now());
    }

    /// A message of a topic was refused: counted, and logged once a second at most.
    pub fn reject(&self, topic: &str, bad: &BadMessage) {
        let mut state = self.lock();
        let entry = state.topic(topic);
        entry.bad_total += 1;
        entry.bad_reason = bad.to_string();
        if entry.bad_logged.is_none_or(|logged| logged.elapsed() > Duration::from_secs(1)) {
            entry.bad_logged = Some(Instant::now());
            tracing::warn!("{topic}: {bad} ({} refused so far)", entry.bad_total);
        }
    }

    /// The report since the last one.
    pub fn report(&self, stamp_nanos: i64) -> DiagnosticArray {
        let mut state = self.lock();
        let seconds = state.reported.elapsed().as_secs_f64().max(1e-3);
        state.reported = Instant::now();
        let (mut values, mut troubles) = (Vec::new(), Vec::new());
        let mut say = |key: String, value: String| values.push(KeyValue { key, value });
        for (name, value) in &state.values {
            say((*name).into(), value.clone());
        }
        troubles.extend(state.trouble.values().cloned());
        for (name, counter) in &mut state.counters {
            let new = counter.total - std::mem::replace(&mut counter.reported, counter.total);
            say((*name).into(), counter.total.to_string());
            say(format!("{name} per second"), format!("{:.1}", new as f64 / seconds));
            if counter.loss && new > 0 {
                troubles.push(format!("{new} {name}"));
            }
        }
        let started = state.started;
        for (topic, entry) in &mut state.topics {
            let new = entry.bad_total - std::mem::replace(&mut entry.bad_reported, entry.bad_total);
            say(format!("{topic}: bad messages"), entry.bad_total.to_string());
            if new > 0 {
                troubles.push(format!("{new} bad messages on {topic}: {}", entry.bad_reason));
            }
            let silent = entry.last.unwrap_or(started).elapsed();
            if silent > entry.timeout {
                let word = if entry.last.is_some() { "silent" } else { "nothing heard" };
                troubles.push(format!("{topic}: {word} for {:.0} s", silent.as_secs_f64()));
            }
        }
        let healthy = troubles.is_empty();
        let status = DiagnosticStatus {
            level: if healthy { DiagnosticStatus::OK as u8 } else { DiagnosticStatus::WARN as u8 },
            name: format!("halfslam: {}", self.name),
            message: if healthy { "running".into() } else { troubles.join("; ") },
            hardware_id: String::new(),
            values,
        };
        DiagnosticArray { header: header_msg(stamp_nanos, ""), status: vec![status] }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes the reports once a second, for ever.
///
/// # Errors
/// [`RosError::Call`] if `/diagnostics` cannot be advertised; the future's if publishing fails.
pub fn publish_reports(
    node: &mut Node,
    diagnostics: Arc<Diagnostics>,
) -> Result<impl Future<Output = Result<(), RosError>> + Send + use<>, RosError> {
    let topic = node.publisher::<DiagnosticArray>("/diagnostics", qos::results())?;
    let clock = node.clock();
    Ok(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            let report = diagnostics.report(clock.now_nanos());
            topic.publish(&report).map_err(|error| RosError::Call { doing: "/diagnostics".into(), error })?;
        }
    })
}

impl State {
    fn topic(&mut self, topic: &str) -> &mut Topic {
        self.topics.entry(topic.into()).or_insert_with(|| Topic {
            timeout: Duration::MAX,
            last: None,
            bad_total: 0,
            bad_reported: 0,
            bad_reason: String::new(),
            bad_logged: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(diagnostics: &Diagnostics) -> DiagnosticStatus {
        diagnostics.report(0).status.remove(0)
    }

    #[test]
    fn losses_warn_once() {
        let diagnostics = Diagnostics::new("node");
        diagnostics.count("frames", 5);
        diagnostics.lose("dropped frames", 2);
        let first = status(&diagnostics);
        assert_eq!((first.level, first.message.as_str()), (DiagnosticStatus::WARN as u8, "2 dropped frames"));
        assert!(first.values.iter().any(|value| value.key == "frames" && value.value == "5"));
        assert_eq!(status(&diagnostics).message, "running");
    }

    #[test]
    fn silent_topics_and_bad_messages_are_named() {
        let diagnostics = Diagnostics::new("node");
        diagnostics.expect_topic("left/image_rect", Duration::ZERO);
        diagnostics.expect_topic("wheel", Duration::MAX);
        diagnostics.reject("wheel", &BadMessage::new("no pose"));
        std::thread::sleep(Duration::from_millis(2));
        let message = status(&diagnostics).message;
        assert!(
            message.contains("left/image_rect: nothing heard") && message.contains("1 bad messages on wheel: no pose")
        );
    }
}
