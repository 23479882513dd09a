//! What has to be at the receiver. Written from the rule of what leaves, with the names of headers and no code of ours.

use traceprop_core::Trust;

use crate::gateway::{Baggage, Pair, Sender, Setting};
use crate::messages::{Kind, Line, Message, SPAN, SPAN_DECIMAL, TRACE, TRACE_LOW, is_format};

/// How the request got in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    Get,
    Options,
    Preflight,
    Skipped,
}

pub(crate) const INBOUND: [Inbound; 4] = [Inbound::Get, Inbound::Options, Inbound::Preflight, Inbound::Skipped];

/// What has to be true of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    Absent,
    /// The received line, byte for byte.
    Copy,
    /// A received list, with these members and no others.
    Members(Vec<String>),
    /// A value that this call made.
    Made,
    /// A value that this call made, or nothing.
    MayBeMade,
}

pub(crate) struct Case<'c> {
    pub(crate) setting: &'c Setting,
    pub(crate) inbound: Inbound,
    pub(crate) message: &'c Message,
}

/// The formats of the list `all`, when it is written. The further formats are written by name only.
const ALL_WRITTEN: [&str; 6] = ["tracecontext", "b3", "datadog", "jaeger", "sw8", "baggage"];

fn has(list: &str, format: &str) -> bool {
    list.split(',').any(|name| name == format || (name == "correlation:x-request-id" && format == "correlation"))
}

fn reads(pair: Pair, format: &str) -> bool {
    match (pair.0, format) {
        (_, "") => false,
        ("all", "correlation") => false,
        ("all", format) => is_format(format),
        // Both encodings of B3 have one reader.
        (list, "b3multi") => has(list, "b3"),
        (list, format) => has(list, format),
    }
}

fn writes(pair: Pair, format: &str) -> bool {
    if pair.1 == "all" { ALL_WRITTEN.contains(&format) } else { has(pair.1, format) }
}

/// Whether readers take the text only beside ids of its format.
fn needs_ids(line: &Line) -> bool {
    line.name == "sw8-correlation" || line.name.starts_with("ot-baggage-")
}

impl Case<'_> {
    fn is_passthrough(&self) -> bool {
        !self.setting.has_span || matches!(self.inbound, Inbound::Preflight | Inbound::Skipped)
    }

    fn trust(&self) -> Trust {
        self.setting.trust()
    }

    fn continues(&self) -> bool {
        matches!(self.trust(), Trust::Continue | Trust::Resample)
    }

    fn allows(&self, key: &str) -> bool {
        match self.setting.baggage {
            Baggage::Nothing => false,
            Baggage::Tenant => key == "tenant",
            Baggage::All => true,
        }
    }

    /// Whether the propagators of the gateway know the name.
    fn is_known(&self, line: &Line) -> bool {
        line.kind != Kind::Foreign && (line.kind != Kind::Correlation || reads(self.setting.pair, line.format))
    }

    /// Whether the listener refuses the line (all of it). Usually it takes it out before the handler. Where it is left to
    /// the handler, it still does not go out of calls that carry the context of the request, as all of these do.
    fn is_refused(&self, line: &Line) -> bool {
        if !self.is_known(line) {
            return false;
        }
        match (self.trust(), line.kind) {
            (Trust::Continue, _) | (_, Kind::Foreign) => false,
            (_, Kind::Lookalike) => true,
            (Trust::Resample, _) => false,
            (Trust::Restart, kind) => kind == Kind::Trace,
            (Trust::Ignore, _) => true,
        }
    }

    /// There is a context where the call gets a span, or the request held a field of the listener, a tracestate or W3C
    /// baggage; under restart and ignore always.
    fn has_context(&self) -> bool {
        let held =
            |line: &Line| reads(self.setting.pair, line.format) || ["tracestate", "baggage"].contains(&line.name);
        !self.is_passthrough() || !self.continues() || self.message.lines.iter().any(held)
    }

    /// Whether a trace of the caller was read. Text alone and a decision alone are none.
    fn has_trace(&self) -> bool {
        self.message.lines.iter().any(|line| line.kind == Kind::Trace && reads(self.setting.pair, line.format))
    }

    /// Whether an injection owns the line: its format is read or written, or it is W3C baggage.
    fn is_owned(&self, line: &Line) -> bool {
        let pair = self.setting.pair;
        let of_pair = reads(pair, line.format) || writes(pair, line.format) || line.name == "baggage";
        // B3 is one format, whichever of its encodings is written.
        let of_pair = of_pair || (line.format == "b3multi" && writes(pair, "b3"));
        of_pair || (!self.continues() && self.is_known(line))
    }

    /// Whether this service has baggage for a format: the caller's in the same format, or under ignore W3C baggage of its
    /// own. Text does not change from one format to another.
    fn has_text(&self, format: &str) -> bool {
        let is_text = |line: &Line| matches!(line.kind, Kind::List | Kind::Member(_));
        match self.trust() {
            Trust::Ignore => format == "baggage",
            _ => {
                let mut own = self.message.lines.iter().filter(|line| line.format == format && is_text(line));
                // W3C baggage of a request counts where it is read or written.
                let counts =
                    reads(self.setting.pair, format) || (format == "baggage" && writes(self.setting.pair, format));
                counts && own.next().is_some()
            }
        }
    }

    /// The members of a received list that may go on.
    fn members(&self, line: &Line) -> Vec<String> {
        let key = |member: &str| match line.name {
            "sw8-correlation" if member.starts_with("dGVuYW50:") => "tenant",
            "sw8-correlation" => "user",
            _ if member.starts_with("tenant=") => "tenant",
            _ if member.starts_with("user=") => "user",
            _ => "sentry-sample_rand",
        };
        let decides = |key: &str| key.starts_with("sentry-") && self.trust() != Trust::Continue;
        let members = line.value.split(',').filter(|member| self.allows(key(member)) && !decides(key(member)));
        members.map(str::to_owned).collect()
    }

    /// The line in the copy that the handler makes.
    fn copied(&self, line: &Line) -> Due {
        if self.is_refused(line) {
            return Due::Absent;
        }
        // What of a list the listener refuses is gone too: the members with a decision of the caller. The middleware
        // removes them from a copy.
        let is_left = self.setting.keeps_refused && self.setting.sender != Sender::Middleware;
        if line.name == "baggage" && self.trust() != Trust::Continue && !is_left {
            return Due::Members(vec!["tenant=acme".to_owned(), "user=alice".to_owned()]);
        }
        Due::Copy
    }

    fn due(&self, line: &Line) -> Due {
        let setting = self.setting;
        let (is_read, is_written) = (reads(setting.pair, line.format), writes(setting.pair, line.format));
        let is_text = matches!(line.kind, Kind::List | Kind::Member(_));
        let copied = self.copied(line);
        if !setting.is_allowed {
            return match line.kind {
                // It writes nothing and leaves what was not refused.
                _ if setting.sender == Sender::Middleware => copied,
                Kind::Foreign => copied,
                Kind::Correlation if !self.is_known(line) || !self.has_context() => copied,
                _ => Due::Absent,
            };
        }
        if !self.has_context() && setting.keeps_refused && self.is_known(line) {
            return Due::Absent;
        }
        if !self.has_context() || !self.is_owned(line) {
            // A rule is about every header of the request, owned or not.
            return match line.kind {
                Kind::Member(key) if self.has_rules() && !self.allows(key) => Due::Absent,
                Kind::List if self.has_rules() => self.list(line),
                Kind::Lookalike if self.has_rules() && line.name.starts_with("uberctx") => {
                    if setting.baggage == Baggage::All { copied } else { Due::Absent }
                }
                _ => copied,
            };
        }
        // From here on the line is owned: what the call writes, and nothing else.
        if is_text {
            return self.text(line, is_read, is_written);
        }
        match line.kind {
            Kind::Trace if !self.is_passthrough() && is_written => self.span(line),
            Kind::Trace if !self.is_passthrough() => Due::Absent,
            Kind::Trace => match self.trust() {
                // It is handed on; what is written may gain what other formats say.
                Trust::Continue if is_read && line.name == "tracestate" && is_written => Due::Made,
                Trust::Continue if is_read => Due::Copy,
                Trust::Continue | Trust::Resample if is_written && self.has_trace() => self.span(line),
                _ => Due::Absent,
            },
            _ => Due::Absent,
        }
    }

    /// A header of a format that is written for a span, or canonically for a passthrough.
    fn span(&self, line: &Line) -> Due {
        match line.name {
            // Only where there is something to say.
            "tracestate" | "x-datadog-origin" | "x-datadog-tags" | "sw8-x" => Due::MayBeMade,
            // A passthrough under resample has no decision, and Datadog says that by no priority.
            "x-datadog-sampling-priority" if self.is_passthrough() => Due::MayBeMade,
            _ => Due::Made,
        }
    }

    fn text(&self, line: &Line, is_read: bool, is_written: bool) -> Due {
        // A passthrough hands on the text of what is only read.
        if self.is_passthrough() && self.trust() != Trust::Ignore && is_read && !is_written {
            return match line.kind {
                // Readers take it only beside ids of its format, and only those of a trusted caller go on.
                _ if needs_ids(line) && self.trust() != Trust::Continue => Due::Absent,
                Kind::Member(key) if self.allows(key) => Due::Copy,
                Kind::Member(_) => Due::Absent,
                _ => self.list(line),
            };
        }
        let keys: Vec<&str> = match line.kind {
            Kind::Member(key) => vec![key],
            _ => vec!["tenant", "user"],
        };
        let is_sent = keys.iter().any(|key| self.allows(key)) && self.has_text(line.format);
        match is_written {
            true if is_sent && needs_ids(line) && !self.continues() => Due::MayBeMade,
            true if is_sent => Due::Made,
            _ => Due::Absent,
        }
    }

    fn list(&self, line: &Line) -> Due {
        match self.members(line) {
            members if members.is_empty() => Due::Absent,
            members => Due::Members(members),
        }
    }

    fn has_rules(&self) -> bool {
        self.setting.sender == Sender::ReqwestClient
    }

    /// Returns what is wrong with what the receiver got.
    pub(crate) fn check(&self, received: &[(String, String)]) -> Vec<String> {
        let mut wrong = Vec::new();
        let values = |name: &str| -> Vec<&str> {
            received.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
        };
        for line in &self.message.lines {
            let (due, values) = (self.due(line), values(line.name));
            let is_right = match &due {
                Due::Absent => values.is_empty(),
                Due::Copy => values == [line.value],
                Due::Members(members) => {
                    values.join(",").split(',').map(str::trim).eq(members.iter().map(String::as_str))
                }
                Due::Made => values.len() == 1,
                Due::MayBeMade => values.len() <= 1,
            };
            if !is_right {
                wrong.push(format!("{}: due {due:?}, got {values:?}", line.name));
            }
        }
        self.check_written(received, &mut wrong);
        self.check_markers(received, &mut wrong);
        wrong
    }

    /// Every header that the rule allows is there, also those of formats that the caller did not send.
    fn check_written(&self, received: &[(String, String)], wrong: &mut Vec<String>) {
        let setting = self.setting;
        let is_sent = |name: &str| received.iter().any(|(known, _)| known == name);
        let is_writing = setting.is_allowed && self.has_context();
        let has_trace = is_writing && (!self.is_passthrough() || (self.continues() && self.has_trace()));
        for (format, name) in [
            ("tracecontext", "traceparent"),
            ("b3", "b3"),
            ("datadog", "x-datadog-trace-id"),
            ("jaeger", "uber-trace-id"),
            ("sw8", "sw8"),
        ] {
            let is_due = has_trace && writes(setting.pair, format);
            let may_be = self.message.lines.iter().any(|line| line.name == name);
            // sw8 has no form for a passthrough, which has no segment of ours.
            let may_be = may_be || (format == "sw8" && self.is_passthrough());
            if is_due != is_sent(name) && !may_be {
                wrong.push(format!("{name}: due {is_due}, sent {}", is_sent(name)));
            }
        }
        let baggage: String =
            received.iter().filter(|(name, _)| name == "baggage").map(|(_, value)| value.as_str()).collect();
        for key in ["tenant", "user"] {
            let is_due = is_writing && self.allows(key) && self.has_text("baggage");
            let has = baggage.split(',').any(|member| member.trim().starts_with(&format!("{key}=")));
            if is_due && !has {
                wrong.push(format!("baggage: no {key} in {baggage:?}"));
            }
        }
    }

    /// Nothing of the caller's is in any value, whatever the name.
    fn check_markers(&self, received: &[(String, String)], wrong: &mut Vec<String>) {
        let is_copy = |name: &str| {
            self.message
                .lines
                .iter()
                .any(|line| line.name == name && matches!(self.due(line), Due::Copy | Due::Members(_)))
        };
        for (name, value) in received.iter().filter(|(name, _)| !is_copy(name)) {
            let mut banned: Vec<&str> = Vec::new();
            if !self.continues() {
                banned.extend([TRACE, TRACE_LOW, &TRACE[16..], "theirs", "dGhlaXJz", SPAN, SPAN_DECIMAL]);
            }
            if !self.is_passthrough() {
                banned.extend([SPAN, SPAN_DECIMAL]);
            }
            if self.trust() == Trust::Ignore {
                banned.extend(["acme", "YWNtZQ"]);
            }
            if !self.allows("user") || self.trust() == Trust::Ignore {
                banned.extend(["alice", "YWxpY2U"]);
            }
            if !self.allows("tenant") {
                banned.extend(["acme", "YWNtZQ"]);
            }
            if self.trust() != Trust::Continue {
                banned.push("sentry-");
            }
            // The last span in the tracestate is not the parent.
            banned.retain(|marker| !(name == "tracestate" && self.continues() && *marker == SPAN));
            for marker in banned.iter().filter(|marker| value.contains(**marker)) {
                wrong.push(format!("{name}: has {marker} in {value:?}"));
            }
        }
    }
}
