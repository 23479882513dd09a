//! Patterns, rules and the headers that are sent, compared with a model that checks labels and bits one by one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use http::{HeaderMap, Uri};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use traceprop_core::{
    InjectOptions, OwnedBaggage, OwnedContext, RandomIds, SpanContext, baggage::BaggageEntry, presets,
};

use super::pattern::Pattern;
use super::{Destination, Rule, Rules, RulesError};

/// Few cases, so that a run is fast; `PROPTEST_CASES` sets more.
fn cases() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: 768, ..config } }
}

#[derive(Clone, Debug)]
enum Host {
    Any,
    /// Labels, and whether only names below them match.
    Name(Vec<&'static str>, bool),
    Block(IpAddr, usize),
}

#[derive(Clone, Debug)]
struct Model {
    scheme: Option<&'static str>,
    host: Host,
    port: Option<u16>,
}

/// An origin: scheme, host and port.
#[derive(Clone, Debug)]
struct Place {
    scheme: &'static str,
    host: Result<Vec<&'static str>, IpAddr>,
    port: Option<u16>,
}

/// Few values, so that patterns and URIs often match.
const LABELS: [&str; 4] = ["a", "b", "internal", "evilinternal"];

const ADDRESSES: [&str; 11] = [
    "10.0.0.1",
    "10.0.128.1",
    "10.1.0.1",
    "11.0.0.1",
    "fd00::1",
    "fd00:1::1",
    "fe00::1",
    "::1",
    "127.0.0.1",
    "0.0.0.0",
    "::",
];

fn labels() -> impl Strategy<Value = Vec<&'static str>> {
    vec(select(&LABELS), 1..4)
}

fn address() -> impl Strategy<Value = IpAddr> {
    select(&ADDRESSES).prop_map(|text| text.parse().expect("an address"))
}

fn scheme() -> impl Strategy<Value = &'static str> {
    select(vec!["http", "https"])
}

fn port() -> impl Strategy<Value = Option<u16>> {
    option::of(select(vec![80, 443, 8080]))
}

/// Returns all bits of an address as digits.
fn bits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    }
}

/// Returns the address without the bits after the prefix.
fn network(address: IpAddr, prefix: usize) -> IpAddr {
    let digits = bits(address);
    let zeros = format!("{}{}", &digits[..prefix], "0".repeat(digits.len() - prefix));
    let number = u128::from_str_radix(&zeros, 2).expect("binary digits");
    match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(number).expect("32 bits").into()),
        IpAddr::V6(_) => IpAddr::V6(number.into()),
    }
}

fn host() -> impl Strategy<Value = Host> {
    let block = (address(), 0..=128usize).prop_map(|(address, prefix)| {
        let prefix = prefix % (bits(address).len() + 1);
        Host::Block(network(address, prefix), prefix)
    });
    prop_oneof![
        1 => Just(Host::Any),
        4 => (labels(), any::<bool>()).prop_map(|(labels, below)| Host::Name(labels, below)),
        3 => block,
    ]
}

fn model() -> impl Strategy<Value = Model> {
    (option::of(scheme()), host(), port()).prop_map(|(scheme, host, port)| Model { scheme, host, port })
}

fn place() -> impl Strategy<Value = Place> {
    let host = prop_oneof![3 => labels().prop_map(Ok), 2 => address().prop_map(Err)];
    (scheme(), host, port()).prop_map(|(scheme, host, port)| Place { scheme, host, port })
}

/// Two patterns, usually of one host, or of a name below or above another.
fn related() -> impl Strategy<Value = (Model, Model)> {
    (model(), model(), 0..4u8, any::<bool>()).prop_map(|(one, other, relation, below)| {
        let host = match (&one.host, relation) {
            (host, 0) => host.clone(),
            (Host::Name(labels, _), 1) if labels.len() > 1 => Host::Name(labels[1..].to_vec(), below),
            (Host::Name(labels, _), 2) => Host::Name([&["a"], &labels[..]].concat(), below),
            _ => other.host,
        };
        (one, Model { host, ..other })
    })
}

/// Every short name and every address, with each scheme and port.
static PLACES: LazyLock<Vec<Uri>> = LazyLock::new(|| {
    let mut hosts: Vec<Result<Vec<&str>, IpAddr>> =
        ADDRESSES.iter().map(|text| Err(text.parse().expect("one"))).collect();
    hosts.extend(LABELS.iter().map(|label| Ok(vec![*label])));
    hosts.extend(LABELS.iter().flat_map(|label| LABELS.map(|below| Ok(vec![below, *label]))));
    let ports = [None, Some(80), Some(443), Some(8080)];
    let places = ["http", "https"].into_iter().flat_map(|scheme| ports.map(|port| (scheme, port)));
    let places =
        places.flat_map(|(scheme, port)| hosts.iter().map(move |host| Place { scheme, host: host.clone(), port }));
    places.map(|place| place.uri(false)).collect()
});

fn matches(pattern: &Pattern, uri: &Uri) -> bool {
    pattern.matches(&Destination::from_uri(uri))
}

fn spelt(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

fn with_port(host: &str, port: Option<u16>) -> String {
    port.map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

impl Model {
    fn text(&self) -> String {
        let host = match &self.host {
            Host::Any => "*".to_owned(),
            Host::Name(labels, below) => format!("{}{}", if *below { "*." } else { "" }, labels.join(".")),
            Host::Block(address, prefix) => format!("{}/{prefix}", spelt(*address)),
        };
        let scheme = self.scheme.map_or(String::new(), |scheme| format!("{scheme}://"));
        format!("{scheme}{}", with_port(&host, self.port))
    }

    fn matches(&self, place: &Place) -> bool {
        let host = match (&self.host, &place.host) {
            (Host::Any, _) => true,
            (Host::Name(labels, false), Ok(own)) => labels == own,
            (Host::Name(labels, true), Ok(own)) => own.len() > labels.len() && own.ends_with(labels),
            (Host::Block(address, prefix), Err(own)) => {
                let block = bits(*address);
                let has = |own: String| block.len() == own.len() && block[..*prefix] == own[..*prefix];
                let is_this_host = bits(*own).bytes().all(|bit| bit == b'0');
                let loopback = |text: &str| has(bits(text.parse().expect("an address")));
                has(bits(*own)) || (is_this_host && (loopback("127.0.0.1") || loopback("::1")))
            }
            _ => false,
        };
        let usual = if place.scheme == "https" { 443 } else { 80 };
        let port = self.port.is_none_or(|port| port == place.port.unwrap_or(usual));
        host && port && self.scheme.is_none_or(|scheme| scheme == place.scheme)
    }
}

impl Place {
    fn uri(&self, loud: bool) -> Uri {
        let host = match &self.host {
            Ok(labels) if loud => labels.join(".").to_uppercase() + ".",
            Ok(labels) => labels.join("."),
            Err(address) => spelt(*address),
        };
        let uri = format!("{}://user:pass@{}/p?q", self.scheme, with_port(&host, self.port));
        uri.parse().expect("a URI")
    }
}

/// The keys of baggage that a rule allows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys {
    /// No trace context either.
    Nothing,
    Some(Vec<&'static str>),
    All,
}

const KEYS: [&str; 3] = ["tenant", "user", "session"];

fn keys() -> impl Strategy<Value = Keys> {
    let some = subsequence(KEYS.to_vec(), 0..=3).prop_map(Keys::Some);
    prop_oneof![1 => Just(Keys::Nothing), 4 => some, 1 => Just(Keys::All)]
}

impl Keys {
    fn rule(&self) -> Rule {
        match self {
            Self::Nothing => Rule::nothing(),
            Self::Some(keys) => Rule::trace_context().allow_baggage(keys.iter().copied()),
            Self::All => Rule::everything(),
        }
    }

    fn allowed(&self) -> BTreeSet<&str> {
        match self {
            Self::Nothing => BTreeSet::new(),
            Self::Some(keys) => keys.iter().copied().collect(),
            Self::All => KEYS.into(),
        }
    }
}

/// Rules in order.
fn rules() -> impl Strategy<Value = Vec<(Model, Keys)>> {
    vec((model(), keys()), 0..5)
}

fn context() -> OwnedContext {
    let mut baggage = OwnedBaggage::new();
    for key in KEYS {
        baggage.push(BaggageEntry { key: key.into(), value: "x".into(), properties: String::new() });
    }
    OwnedContext::new(SpanContext::root(&RandomIds)).with_baggage(&baggage)
}

/// Builds the rules, without those that are never reached.
fn build(mut rules: Vec<(Model, Keys)>) -> (Rules, Vec<(Model, Keys)>) {
    loop {
        let builder = rules
            .iter()
            .fold(Rules::builder(presets::W3C), |builder, (model, keys)| builder.rule(&model.text(), keys.rule()));
        match builder.build() {
            Ok(built) => return (built, rules),
            Err(RulesError::NeverReached { place, .. }) => drop(rules.remove(place)),
            Err(error) => panic!("{error}: {rules:?}"),
        }
    }
}

/// Returns what a place receives: the first matching rule decides, by default trace context only.
fn due<'r>(rules: &'r [(Model, Keys)], place: &Place) -> &'r Keys {
    const OTHERS: &Keys = &Keys::Some(Vec::new());
    rules.iter().find(|(model, _)| model.matches(place)).map_or(OTHERS, |(_, keys)| keys)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn ok_patterns_match_by_labels_and_bits(model in model(), place in place(), loud in any::<bool>()) {
        let pattern = Pattern::parse(&model.text()).map_err(|error| TestCaseError::fail(format!("{model:?}: {error}")))?;
        prop_assert_eq!(matches(&pattern, &place.uri(loud)), model.matches(&place), "{} {}", model.text(), place.uri(loud));
        prop_assert_eq!(Pattern::parse(&model.text().to_uppercase()), Ok(pattern));
    }

    #[test]
    fn ok_a_pattern_covers_what_it_matches_all_of((one, other) in related(), third in model()) {
        let parse = |model: &Model| Pattern::parse(&model.text()).expect("a pattern");
        let (a, b, c) = (parse(&one), parse(&other), parse(&third));
        prop_assert!(a.covers(&a));
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        let escapes = PLACES.iter().find(|uri| a.covers(&b) && matches(&b, uri) && !matches(&a, uri));
        prop_assert!(escapes.is_none(), "{one:?} {other:?} {escapes:?}");
    }

    #[test]
    fn ok_any_text_is_a_pattern_or_an_error(text in "((https?|ftp)://)?([a-c0-9*.:/\\[\\]é%@ ]{0,12})(:[0-9]{0,6})?", place in place()) {
        if let Ok(pattern) = Pattern::parse(&text) {
            let _ = matches(&pattern, &place.uri(false));
            prop_assert!(pattern.covers(&pattern));
        }
    }

    #[test]
    fn ok_what_goes_out_is_what_the_first_rule_allows(rules in rules(), place in place(), own in any::<bool>()) {
        let (built, rules) = build(rules);
        let keys = due(&rules, &place);
        let uri = place.uri(false);
        let mut headers = HeaderMap::new();
        if own {
            for name in ["baggage", "b3", "x-other"] {
                headers.insert(name, http::HeaderValue::from_static("own=1"));
            }
        }
        let options = InjectOptions::new();
        let omitted = built.inject_headers(&context(), &options, Destination::from_uri(&uri), &mut headers);
        let traced = *keys != Keys::Nothing;
        prop_assert_eq!((headers.contains_key("traceparent"), headers.contains_key("b3")), (traced, traced && own));
        prop_assert_eq!(headers.contains_key("x-other"), own, "it is not a trace header");
        let baggage = headers.get("baggage").map_or("", |value| value.to_str().expect("text"));
        let sent: BTreeSet<_> = baggage.split(',').filter_map(|member| member.split('=').next()).filter(|key| !key.is_empty()).collect();
        prop_assert_eq!(&sent, &keys.allowed(), "{:?}", rules);
        let left_out: u32 = omitted.iter().map(|omission| omission.count).sum();
        prop_assert!(!traced || left_out as usize == KEYS.len() - sent.len(), "{}", omitted);
    }

    #[test]
    fn ok_a_request_moves_only_where_all_of_it_may_go(rules in rules(), first in place(), next in place()) {
        let (built, rules) = build(rules);
        let (from, to) = (due(&rules, &first), due(&rules, &next));
        let leaves_tls = first.scheme == "https" && next.scheme == "http";
        // All baggage is more than any list.
        let as_much = to.allowed().is_superset(&from.allowed()) && (*from != Keys::All || *to == Keys::All);
        let text_stays = !leaves_tls || from.allowed().is_empty();
        let expected = *to != Keys::Nothing && as_much && text_stays;
        let (first, next) = (first.uri(false), next.uri(false));
        let may_move = built.may_move(&Destination::from_uri(&first), &Destination::from_uri(&next));
        prop_assert!(!may_move || expected, "{from:?} {to:?}");
        // A list without keys is treated like a list with keys.
        prop_assert!(may_move || !expected || *from == Keys::Some(vec![]), "{from:?} {to:?}");
    }
}
