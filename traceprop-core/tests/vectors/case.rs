//! One case of a vector file, as its driver sees it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::{self, Debug};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use traceprop_core::{
    Carrier, CarrierMut, InjectOptions, Propagator, RemoteContext, Sampling, SpanContext, SpanId, TraceId,
    format::{Outcome, Passthrough},
    report::InjectReport,
};

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// What was expected and what was received.
    Failed(String),
    /// The library cannot be asked this, and why.
    #[allow(dead_code, reason = "for cases about a setting that the library does not have")]
    Skipped(String),
}

/// What a case asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Extract,
    Inject,
}

/// Headers as they are on the wire.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// One case. It remembers which of its fields were looked at: a case that passes without a look at all of them fails.
#[derive(Debug)]
pub(crate) struct Case {
    op: Option<Op>,
    fields: Fields,
    expect: Fields,
    context: Fields,
    config: Fields,
    limits: Fields,
    hints: RefCell<Vec<String>>,
}

/// Reads the cases of one file.
pub(crate) fn read(path: &Path, name: &str) -> Result<Vec<Case>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let file: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let Value::Object(file) = file else {
        return Err("the file is not an object".into());
    };
    if let Some(unknown) = file.keys().find(|key| !["format", "notes", "cases"].contains(&key.as_str())) {
        return Err(format!("unknown field {unknown} of the file"));
    }
    if file.get("format").and_then(Value::as_str) != Some(name) {
        return Err("`format` is not the name of the file".into());
    }
    match file.get("cases").and_then(Value::as_array) {
        Some(cases) if !cases.is_empty() => cases.iter().map(Case::new).collect(),
        _ => Err("no cases".into()),
    }
}

impl Case {
    fn new(value: &Value) -> Result<Self, String> {
        let Some(fields) = value.as_object() else {
            return Err("a case is not an object".into());
        };
        let fields = Fields::new("", fields.clone());
        let id = fields.text("id").ok_or("a case has no id")?.to_owned();
        // They say why the case is there, not what to do.
        for remark in ["why", "source", "disputed", "rule"] {
            fields.see(remark);
        }
        let part = |name: &'static str| match fields.value(name) {
            None => Ok(Fields::new(name, Map::new())),
            Some(Value::Object(part)) => Ok(Fields::new(name, part.clone())),
            Some(_) => Err(format!("{id}: {name} is not an object")),
        };
        let op = match fields.text("op") {
            Some("extract") => Some(Op::Extract),
            Some("inject") => Some(Op::Inject),
            _ => None,
        };
        Ok(Self {
            op,
            expect: part("expect")?,
            context: part("context")?,
            config: part("config")?,
            limits: part("limits")?,
            fields,
            hints: RefCell::default(),
        })
    }

    pub(crate) fn id(&self) -> &str {
        self.fields.text("id").unwrap_or_default()
    }

    pub(crate) fn why(&self) -> &str {
        self.fields.text("why").unwrap_or_default()
    }

    pub(crate) fn op(&self) -> Op {
        self.op.unwrap_or_else(|| panic!("unknown operation {:?}", self.fields.value("op")))
    }

    /// Returns the fields of the case itself.
    #[allow(dead_code, reason = "drivers of files with fields of their own read them")]
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(crate) fn expect(&self) -> &Fields {
        &self.expect
    }

    pub(crate) fn context(&self) -> &Fields {
        &self.context
    }

    #[allow(dead_code, reason = "drivers of formats with settings read it")]
    pub(crate) fn config(&self) -> &Fields {
        &self.config
    }

    pub(crate) fn limits(&self) -> &Fields {
        &self.limits
    }

    /// Returns the received headers, in order.
    pub(crate) fn headers(&self) -> Headers {
        self.fields.headers("headers")
    }

    /// Returns what the outgoing request holds before.
    pub(crate) fn carrier(&self) -> Vec<(String, String)> {
        let carrier = self.fields.pairs("carrier").unwrap_or_default();
        carrier.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Returns the headers that the carrier must have afterwards, names in lower case, sorted.
    pub(crate) fn expect_headers(&self) -> Headers {
        sorted(self.fields.headers("expect_headers").into_iter())
    }

    /// Prints a difference in what is only advice; it is not a failure.
    pub(crate) fn hint<T: PartialEq + Debug>(&self, what: &str, expected: T, got: T) {
        if expected != got {
            self.hints.borrow_mut().push(format!("{what}: expected {expected:?}, got {got:?}"));
        }
    }

    pub(crate) fn hints(&self) -> Vec<String> {
        self.hints.borrow().clone()
    }

    /// Returns the fields that were not read.
    pub(crate) fn unseen(&self) -> Vec<String> {
        let parts = [&self.fields, &self.expect, &self.context, &self.config, &self.limits];
        parts.into_iter().flat_map(Fields::unseen).collect()
    }

    /// Compares an outcome with those of `outcome`, `trace_id`, `parent_id`, `sampling` and `reason` in the case.
    pub(crate) fn compare_outcome(&self, got: &Outcome, differences: &mut Differences) {
        let expect = &self.expect;
        let reason = match got {
            Outcome::Invalid(reject) => Some(reject.reason().as_str()),
            _ => None,
        };
        if let Some(expected) = expect.text("reason") {
            self.hint("reason", Some(expected), reason);
        }
        let expected = expect.text("outcome").expect("expect.outcome");
        let detail = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        differences.equal_text("outcome", expected, got.as_str(), &detail);
        let sampling = match got {
            Outcome::Context(context) => context.sampling.as_str(),
            Outcome::SamplingOnly(sampling) => sampling.as_str(),
            Outcome::Absent | Outcome::Invalid(_) => "none",
        };
        if let Some(expected) = expect.text("sampling") {
            differences.equal("sampling", expected, sampling);
        }
        let context = match got {
            Outcome::Context(context) => Some(context),
            _ => None,
        };
        if let Some(expected) = expect.text_or_null("trace_id") {
            let got = context.map(|context| context.trace_id.to_string());
            differences.equal("trace_id", expected, got.as_deref());
        }
        if let Some(expected) = expect.text_or_null("parent_id") {
            let got = context.and_then(|context| context.parent_id).map(|id| id.to_string());
            differences.equal("parent_id", expected, got.as_deref());
        }
    }

    /// Compares what was written with `expect_headers`.
    pub(crate) fn compare_headers(&self, got: &impl Carrier, differences: &mut Differences) {
        let got = sorted(got.fields().map(|(name, value)| (name.to_owned(), value.to_vec())));
        differences.equal("headers", Shown(&self.expect_headers()), Shown(&got));
    }
}

/// What a case wants to be written.
pub(crate) struct ToInject {
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) sampling: Sampling,
}

impl ToInject {
    /// Reads `trace_id`, `parent_id` and `sampling`. An id of zeros counts as absent: the types cannot hold it.
    pub(crate) fn of(context: &Fields) -> Self {
        Self {
            trace_id: context.text_or_null("trace_id").flatten().and_then(|hex| hex.parse().ok()),
            span_id: context.text_or_null("parent_id").flatten().and_then(|hex| hex.parse().ok()),
            sampling: context.text("sampling").map_or(Sampling::Deferred, sampling),
        }
    }

    /// Returns the span, if there are both ids.
    pub(crate) fn span(&self) -> Option<SpanContext<'static>> {
        Some(SpanContext::new(self.trace_id?, self.span_id?).with_sampling(self.sampling))
    }

    /// Writes what there is without a span: a trace alone, or a decision.
    pub(crate) fn forward<'p>(
        &self,
        propagator: &'p Propagator,
        outgoing: &InjectOptions<'_>,
        headers: &mut impl CarrierMut,
    ) -> InjectReport<'p> {
        let passthrough = match (self.trace_id, self.sampling) {
            (Some(trace_id), sampling) => {
                Passthrough::from_remote(RemoteContext { sampling, ..RemoteContext::new(trace_id, self.span_id) })
            }
            (None, sampling) => Passthrough::sampling_only(sampling),
        };
        propagator.inject(passthrough, outgoing, headers)
    }
}

/// Returns the decision with this name.
pub(crate) fn sampling(word: &str) -> Sampling {
    let all = [Sampling::Deferred, Sampling::NotSampled, Sampling::Sampled, Sampling::Debug];
    all.into_iter().find(|sampling| sampling.as_str() == word).unwrap_or_else(|| panic!("unknown sampling {word}"))
}

/// An object of the file.
#[derive(Debug)]
pub(crate) struct Fields {
    name: &'static str,
    fields: Map<String, Value>,
    seen: RefCell<BTreeSet<String>>,
}

impl Fields {
    fn new(name: &'static str, fields: Map<String, Value>) -> Self {
        Self { name, fields, seen: RefCell::default() }
    }

    fn see(&self, name: &str) {
        self.seen.borrow_mut().insert(name.to_owned());
    }

    fn unseen(&self) -> impl Iterator<Item = String> {
        let seen = self.seen.borrow();
        let unseen = self.fields.keys().filter(move |key| !seen.contains(*key));
        unseen.map(|key| if self.name.is_empty() { key.clone() } else { format!("{}.{key}", self.name) })
    }

    /// Returns the value of a field, if it is there.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.see(name);
        self.fields.get(name)
    }

    /// Returns the text of a field, if it is there.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).map(|value| value.as_str().unwrap_or_else(|| panic!("{}.{name} is not text", self.name)))
    }

    /// Returns the text of a field that may be null, if it is there.
    pub(crate) fn text_or_null(&self, name: &str) -> Option<Option<&str>> {
        let value = self.value(name)?;
        if value.is_null() { Some(None) } else { Some(self.text(name)) }
    }

    /// Returns the number of a field, if it is there.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        let value = self.value(name)?.as_u64().unwrap_or_else(|| panic!("{}.{name} is not a number", self.name));
        Some(usize::try_from(value).expect("a small number"))
    }

    /// Returns the list of a field, if it is there.
    pub(crate) fn list(&self, name: &str) -> Option<&[Value]> {
        self.value(name).map(|value| match value {
            Value::Array(list) => list.as_slice(),
            _ => panic!("{}.{name} is not a list", self.name),
        })
    }

    /// Returns a list of lists of texts, if it is there; null is `None`.
    pub(crate) fn rows<const N: usize>(&self, name: &str) -> Option<Vec<[Option<&str>; N]>> {
        let is_text = |value: &Value| value.is_string() || value.is_null();
        let is_row = |row: &Value| row.as_array().is_some_and(|row| row.len() == N && row.iter().all(is_text));
        let rows = self.list(name)?;
        assert!(rows.iter().all(is_row), "{}.{name} is not a list of {N} texts each", self.name);
        Some(rows.iter().map(|row| std::array::from_fn(|place| row[place].as_str())).collect())
    }

    /// Returns a list of pairs of texts, if it is there.
    pub(crate) fn pairs(&self, name: &str) -> Option<Vec<(&str, &str)>> {
        let pair = |[key, value]: [Option<&'_ str>; 2]| key.is_some() && value.is_some();
        let rows = self.rows::<2>(name)?;
        assert!(rows.iter().copied().all(pair), "{}.{name} holds null", self.name);
        Some(rows.into_iter().map(|[key, value]| (key.unwrap_or_default(), value.unwrap_or_default())).collect())
    }

    fn headers(&self, name: &str) -> Headers {
        let pairs = self.pairs(name).unwrap_or_else(|| panic!("no {name}"));
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect()
    }
}

fn sorted(headers: impl Iterator<Item = (String, Vec<u8>)>) -> Headers {
    let mut headers: Headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    // Stable, so that lines of one name keep their order, which has a meaning.
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    headers
}

/// Headers as people read them.
#[derive(PartialEq)]
struct Shown<'a>(&'a Headers);

impl Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        f.debug_list().entries(lines).finish()
    }
}

/// The differences between what was expected and what was received.
#[derive(Debug, Default)]
pub(crate) struct Differences(Vec<String>);

impl Differences {
    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, what: &str, expected: T, got: T) {
        if expected != got {
            self.0.push(format!("{what}: expected {expected:?}, got {got:?}"));
        }
    }

    fn equal_text(&mut self, what: &str, expected: &str, got: &str, detail: &str) {
        if expected != got {
            self.0.push(format!("{what}: expected {expected}, got {got}{detail}"));
        }
    }

    pub(crate) fn verdict(self) -> Verdict {
        if self.0.is_empty() { Verdict::Passed } else { Verdict::Failed(self.0.join("; ")) }
    }
}
