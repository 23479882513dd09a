//! What may leave a service, written a second time from the documentation alone: a list of names for each format, and text
//! that is compared. The fuzz target `gateway` includes this file.

use traceprop_core::{
    Allow, Field, InjectOptions, OwnedContext, Propagator, SpanId, TraceId, Trust, formats::sw8::Sw8,
};

/// Lines of a request or of a carrier.
pub(crate) type Lines = Vec<(String, String)>;

/// A format as lists name it, the headers of its trace context, and those of its text. A name that ends in `-` is a prefix.
const FORMATS: &[(&str, &[&str], &[&str])] = &[
    ("tracecontext", &["traceparent", "tracestate"], &[]),
    ("b3", &["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"], &[]),
    (
        "datadog",
        &[
            "x-datadog-trace-id",
            "x-datadog-parent-id",
            "x-datadog-sampling-priority",
            "x-datadog-origin",
            "x-datadog-tags",
        ],
        &["ot-baggage-"],
    ),
    ("jaeger", &["uber-trace-id", "jaeger-debug-id"], &["uberctx-", "jaeger-baggage"]),
    ("sw8", &["sw8", "sw8-x"], &["sw8-correlation"]),
    ("correlation:x-request-id", &[], &["x-request-id"]),
    ("correlation:x_order", &[], &["x_order"]),
    ("baggage", &[], &["baggage"]),
];

/// The formats that a list can name here.
pub(crate) const NAMES: &[&str] = &[
    "tracecontext",
    "b3",
    "b3multi",
    "datadog",
    "jaeger",
    "sw8",
    "correlation:x-request-id",
    "correlation:x_order",
    "baggage",
];

const TRUSTS: [Trust; 4] = [Trust::Continue, Trust::Resample, Trust::Restart, Trust::Ignore];

/// A gateway, and one call of it.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) read: Vec<&'static str>,
    pub(crate) written: Vec<&'static str>,
    pub(crate) trust: Trust,
    /// The propagator of the call reads nothing, so it knows the listener's formats only by the context.
    pub(crate) is_split: bool,
    pub(crate) has_span: bool,
    pub(crate) is_owned: bool,
    /// 0 nothing, 1 the key `tenant`, 2 everything.
    pub(crate) allows: u8,
    pub(crate) keep_headers: Vec<&'static str>,
    pub(crate) keep_formats: Vec<&'static str>,
}

impl Gateway {
    /// Makes a gateway of a few numbers.
    pub(crate) fn from_bits(read: u16, written: u16, bits: u16, keep: (u16, u8)) -> Self {
        let listed = |set: u16| -> Vec<&'static str> {
            NAMES.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1).map(|(_, name)| *name).collect()
        };
        let (mut read, mut written) = (listed(read), listed(written));
        if read.is_empty() {
            read.push("tracecontext");
        }
        if written.is_empty() {
            written.push("tracecontext");
        }
        let kept_headers = [
            "b3",
            "X-Datadog-Origin",
            "uberctx-tenant",
            "baggage",
            "x-request-id",
            "traceparent",
            "sw8-correlation",
            "x-dynatrace",
        ];
        let kept_formats = ["b3", "datadog", "jaeger", "all"];
        let choose = |set: u16, from: &[&'static str]| -> Vec<&'static str> {
            from.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1).map(|(_, name)| *name).collect()
        };
        Self {
            read,
            written,
            trust: TRUSTS[usize::from(bits & 3)],
            is_split: bits & 4 != 0,
            // Only a span tells another propagator apart from a request without a context.
            has_span: bits & 12 != 0,
            is_owned: bits & 16 != 0,
            allows: (bits >> 5 & 3).min(2) as u8,
            keep_headers: choose(keep.0, &kept_headers),
            keep_formats: choose(keep.1.into(), &kept_formats),
        }
    }

    fn propagator(read: &[&str], written: &[&str]) -> Propagator {
        let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(",") };
        let builder = Propagator::builder().define(Sw8::new("cart", "cart-1"));
        builder.names(&list(read), &list(written)).expect("known names").build().expect("a propagator")
    }

    /// Checks what a call leaves in a carrier. Returns what it writes into an empty one.
    pub(crate) fn check(&self, request: &Lines, carrier: &Lines) -> Result<Lines, String> {
        let (reader, writer) = match self.is_split {
            true => (Self::propagator(&self.read, &[]), Self::propagator(&[], &self.written)),
            false => {
                let both = Self::propagator(&self.read, &self.written);
                (both.clone(), both)
            }
        };
        let allowed = Allow::Only(&["tenant"]);
        let options = match self.allows {
            0 => InjectOptions::new(),
            1 => InjectOptions::new().allow_baggage(allowed).allow_correlation(Allow::Only(&["x-request-id"])),
            _ => InjectOptions::everything(),
        };
        let options = options.keep_headers(&self.keep_headers).keep_formats(&self.keep_formats);
        let extraction = reader.extract_with_trust(request, self.trust);
        let write = |headers: &mut Lines| {
            let trace_id = extraction.context().map_or(TraceId::MIN, |context| context.trace_id);
            let span = extraction.span_with_ids(trace_id, SpanId::MIN);
            let report = match (self.has_span, self.is_owned) {
                (true, false) => writer.inject(&span, &options, headers),
                (true, true) => writer.inject(&OwnedContext::from_span(&extraction, &span), &options, headers),
                (false, false) => writer.inject(extraction.passthrough(), &options, headers),
                (false, true) => writer.inject(&OwnedContext::from_passthrough(&extraction), &options, headers),
            };
            (report.kept().len(), report.to_string())
        };
        let (mut fresh, mut after) = (Lines::new(), carrier.clone());
        write(&mut fresh);
        let (kept, report) = write(&mut after);
        let expected = self.expected(request, carrier, &fresh);
        if after != expected.lines {
            return Err(format!("{after:?}\nexpected {:?}\nwritten {fresh:?}\n{report}", expected.lines));
        }
        if (kept == 0) != expected.keeps_nothing {
            return Err(format!("kept {kept} fields: {report}"));
        }
        self.check_formats(&fresh)?;
        Ok(fresh)
    }

    /// Returns what the carrier has to hold afterwards.
    fn expected(&self, request: &Lines, carrier: &Lines, fresh: &Lines) -> Expected {
        if !self.has_span && !self.is_context(request) {
            let lines = [carrier.clone(), fresh.clone()].concat();
            return Expected { lines, keeps_nothing: true };
        }
        let is_kept = |name: &str| self.is_owned_name(name, request) && self.is_kept(name);
        let kept: Vec<&str> = carrier.iter().map(|(name, _)| name.as_str()).filter(|name| is_kept(name)).collect();
        let stays = |name: &str| !self.is_owned_name(name, request) || is_kept(name);
        // Of a format that is kept nothing is written. Text is kept line by line.
        let is_taken = |name: &str| {
            is_kept(name)
                && kept.iter().any(|held| match (dialect(self.read_as(held).as_str()), dialect(name)) {
                    (Some(held), Some(own)) => held == own,
                    _ => held.eq_ignore_ascii_case(name),
                })
        };
        let before = carrier.iter().filter(|(name, _)| stays(name));
        let lines = before.chain(fresh.iter().filter(|(name, _)| !is_taken(name))).cloned().collect();
        Expected { lines, keeps_nothing: kept.is_empty() }
    }

    /// Whether the request is a context: it holds a field of its propagator, a tracestate or baggage.
    fn is_context(&self, request: &Lines) -> bool {
        let is_own = |name: &str| {
            let lists = self.read.iter().chain(&self.written);
            lists.flat_map(|format| names_of(format)).any(|own| matches(name, own))
        };
        let holds = |name: &str| is_own(name) || ["tracestate", "baggage"].contains(&name);
        self.trust >= Trust::Restart || request.iter().any(|(name, _)| holds(&name.to_ascii_lowercase()))
    }

    /// Returns a name as it counts under the trust.
    fn read_as(&self, name: &str) -> String {
        let name = name.to_ascii_lowercase();
        if self.trust == Trust::Continue { name } else { name.replace('_', "-") }
    }

    /// Whether a header of a carrier with this name is owned by the call.
    fn is_owned_name(&self, name: &str, request: &Lines) -> bool {
        let is = |known: &str| {
            let known = if self.trust == Trust::Continue { known.to_owned() } else { known.replace('_', "-") };
            matches(&self.read_as(name), &known)
        };
        // Another propagator knows custom headers of the listener only if the context owns them: those that the request held, or
        // all unless the caller is trusted.
        let is_refused = self.trust > Trust::Continue;
        let is_held = |name: &str| is_refused || request.iter().any(|(held, _)| held.eq_ignore_ascii_case(name));
        let is_known =
            |format: &str, name: &str| !self.is_split || !format.contains(':') || (self.is_owned && is_held(name));
        let read = self.read.iter().flat_map(|format| names_of(format).filter(|name| is_known(format, name)));
        let written = self.written.iter().flat_map(|format| names_of(format));
        // Of a caller who does not decide, names that only a server reads as one of the table are refused too.
        let is_of_table = self.trust >= Trust::Restart || (is_refused && Field::from_name(name).is_none());
        let whole_table = Field::ALL.iter().filter_map(|field| field.name()).filter(|_| is_of_table);
        read.chain(written).chain(whole_table).chain(["baggage"]).any(is)
    }

    fn is_kept(&self, name: &str) -> bool {
        let own = self.read_as(name);
        let by_header = self.keep_headers.iter().any(|kept| {
            let kept = kept.to_ascii_lowercase();
            match (dialect(&kept), dialect(&own)) {
                (Some(kept), Some(own)) => kept == own,
                _ => name.eq_ignore_ascii_case(&kept),
            }
        });
        let is_written = |format: &str| self.written.iter().any(|written| base(written) == format);
        let by_format = dialect(&own).is_some_and(|format| {
            let is_named = |kept: &&str| *kept == "all" || *kept == format;
            self.trust == Trust::Continue && !is_written(format) && self.keep_formats.iter().any(is_named)
        });
        by_header || by_format
    }

    /// Checks that what is written into an empty carrier is of a format that may be written.
    fn check_formats(&self, fresh: &Lines) -> Result<(), String> {
        let err = |what: &str| Err(format!("{what}: {fresh:?}"));
        for (name, _) in fresh {
            let is_of = |format: &&&'static str| names_of(format).any(|own| matches(name, own));
            let forwards = !self.has_span && !self.is_split;
            let lists = self.written.iter().chain(self.read.iter().filter(|_| forwards));
            if lists.clone().filter(is_of).count() == 0 {
                return err("a header of no format that is written");
            }
            if !self.has_span && self.trust >= Trust::Restart && dialect(name).is_some() {
                return err("trace context of a refused request");
            }
        }
        Ok(())
    }

    /// Checks the text that is written into an empty carrier, for requests of a few known values.
    pub(crate) fn check_written(&self, request: &Lines, fresh: &Lines) -> Result<(), String> {
        let has = |text: &str| fresh.iter().any(|(name, value)| name.contains(text) || value.contains(text));
        let err = |what: &str| Err(format!("{what}: {fresh:?}"));
        if self.allows < 2 && (has("SECRET") || has("U0VDUkVU")) {
            return err("text that is not allowed");
        }
        if (self.allows == 0 || self.trust == Trust::Ignore) && (has("acme") || has("YWNtZQ")) {
            return err("baggage");
        }
        let writes = |format: &str| self.written.iter().any(|written| base(written) == format);
        if self.has_span && writes("tracecontext") && !has("0000000000000001-0") {
            return err("no traceparent");
        }
        // The baggage of a request without other lines of it.
        let baggage: Vec<_> = request.iter().filter(|(name, _)| name.eq_ignore_ascii_case("baggage")).collect();
        let reads = self.read.contains(&"baggage") || (!self.is_split && writes("baggage"));
        let forwards = writes("baggage") || (!self.has_span && self.read.contains(&"baggage"));
        let is_due = reads && forwards && self.allows > 0 && self.trust != Trust::Ignore;
        if is_due && baggage.len() == 1 && baggage[0].1 == "tenant=acme,user=SECRET" && !has("tenant=acme") {
            return err("baggage that is allowed is missing");
        }
        Ok(())
    }
}

struct Expected {
    lines: Lines,
    keeps_nothing: bool,
}

/// Returns the format that a name in a list means.
fn base(name: &str) -> &str {
    if name == "b3multi" { "b3" } else { name }
}

fn names_of(format: &str) -> impl Iterator<Item = &'static str> + use<> {
    let row = FORMATS.iter().find(|(name, ..)| *name == base(format)).expect("a known format");
    row.1.iter().chain(row.2).copied()
}

/// Returns the format of a header with trace context. A header that no format here reads is a format of its own.
fn dialect(name: &str) -> Option<&'static str> {
    let row = FORMATS.iter().find(|(_, trace, _)| trace.contains(&name)).map(|(format, ..)| *format);
    row.or_else(|| (name == "x-dynatrace").then_some("x-dynatrace"))
}

/// Whether a lower-case name is a header, or begins with its prefix.
fn matches(name: &str, known: &str) -> bool {
    match known.ends_with('-') {
        true => name.len() > known.len() && name.starts_with(known),
        false => name == known,
    }
}
