//! W3C `baggage` compared with OpenTelemetry: a member that both read is equal, one that only one of them reads is a
//! difference with a name, and what one writes the other reads as intended.
#![cfg_attr(fuzzing, no_main)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage as TheirBaggage, BaggageExt};
use opentelemetry_sdk::propagation::BaggagePropagator;
use traceprop_core::formats::baggage::W3cBaggage;
use traceprop_core::{
    Baggage, InjectOptions, OwnedBaggage, OwnedContext, Propagator, SpanContext, SpanId, TraceId, baggage::BaggageEntry,
};
use traceprop_fuzz::oracle::{is_token, percent, split_once, trim};
use traceprop_fuzz::peer::{self, Difference, agree, lines};
use traceprop_fuzz::{Input, target};
use traceprop_http::HeaderCarrierMut;

target!(run);

static OURS: LazyLock<Propagator> =
    LazyLock::new(|| Propagator::builder().with_format(W3cBaggage::new()).build().expect("baggage"));
static THEIRS: LazyLock<BaggagePropagator> = LazyLock::new(BaggagePropagator::new);

/// Members that are read differently. The terms are those of W3C Baggage.
const MEMBER: &[Difference] = &[
    Difference {
        name: "they read values with bytes that are not octets, such as blanks, quotes and backslashes",
        by: "value: *baggage-octet, decoded after it was read",
        applies: |member| !is_octets(value(member[0])),
    },
    Difference {
        name: "they read properties that are none",
        by: "property: a token, and a value of baggage-octets",
        applies: |member| properties(member[0]).any(|(key, value)| !is_token(key) || !is_octets(value.unwrap_or(b""))),
    },
    Difference {
        name: "they decode keys",
        by: "key: a token, in which a percent sign is a letter like others",
        applies: |member| is_encoded(key(member[0])),
    },
    Difference {
        name: "they decode keys and values of properties before they are read",
        by: "property: opaque here, so it is forwarded verbatim",
        applies: |member| properties(member[0]).any(|(key, value)| is_encoded(key) || value.is_some_and(is_encoded)),
    },
    Difference {
        name: "they cut a value at an equals sign",
        by: "value: any number of equals signs",
        applies: |member| value(member[0]).contains(&b'='),
    },
    Difference {
        name: "they ignore a value that is not UTF-8",
        by: "value: undefined; we put U+FFFD for an invalid byte",
        applies: |member| std::str::from_utf8(&percent(value(member[0])).0).is_err(),
    },
    Difference {
        name: "they take blanks off a value that was decoded",
        by: "value: OWS around it is taken off when the header is read, and encoded blanks are not OWS",
        applies: |member| {
            let decoded = percent(value(member[0])).0;
            String::from_utf8_lossy(&decoded).trim().len() != String::from_utf8_lossy(&decoded).len()
        },
    },
];

/// Members that they write and we read differently.
const WRITTEN: &[Difference] = &[
    Difference {
        name: "they write more than a receiver has to take",
        by: "limits: 8192 bytes; a receiver may drop what is longer",
        // A byte that has to be encoded takes three.
        applies: |text| text[0].len() + 1 + 3 * text[1].len() > 8192,
    },
    Difference {
        name: "they write a percent sign as it is",
        by: "value: a URL encoded string, in which it begins a sequence",
        applies: |text| is_encoded(text[1]),
    },
    Difference {
        name: "they write a backslash as it is",
        by: "baggage-octet: excludes the backslash",
        applies: |text| text[1].contains(&b'\\'),
    },
    Difference {
        name: "they take blanks off a value",
        by: "value: a URL encoded string, in which they are %20",
        applies: |text| String::from_utf8_lossy(text[1]).trim().len() != text[1].len(),
    },
];

fn key(member: &[u8]) -> &[u8] {
    let pair = member.split(|&b| b == b';').next().unwrap_or_default();
    trim(split_once(pair, b'=').map_or(pair, |(key, _)| key))
}

fn value(member: &[u8]) -> &[u8] {
    let pair = member.split(|&b| b == b';').next().unwrap_or_default();
    trim(split_once(pair, b'=').map_or(b"", |(_, value)| value))
}

/// Returns key and value of each property that is not empty.
fn properties(member: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let properties = member.split(|&b| b == b';').skip(1).map(trim).filter(|property| !property.is_empty());
    properties.map(|property| match split_once(property, b'=') {
        Some((key, value)) => (trim(key), Some(trim(value))),
        None => (property, None),
    })
}

fn is_encoded(text: &[u8]) -> bool {
    percent(text).0 != text
}

fn is_octets(text: &[u8]) -> bool {
    text.iter().all(|&b| (b'!'..=b'~').contains(&b) && !b"\",;\\".contains(&b))
}

/// Value and properties by key, of several with one key the last.
type Members = BTreeMap<String, (String, Vec<String>)>;

fn run(data: &[u8]) {
    let input = Input::new(data);
    let headers = peer::map(&input.headers());
    let line = lines(&headers, "baggage").join(&b',');
    let mut agreed: Vec<&[u8]> = Vec::new();
    for member in line.split(|&b| b == b',').map(trim) {
        let (ours, theirs) = (our(member), their(member));
        agree(&ours, &theirs, MEMBER, &[member]);
        if ours == theirs && !ours.is_empty() {
            agreed.push(member);
        }
    }
    // What both read alone both read of a list, as far as it must be read.
    let mut len = 0;
    agreed.truncate(64);
    agreed.retain(|member| {
        len += member.len() + 1;
        len <= 8192
    });
    let list = agreed.join(&b',');
    assert_eq!(our(&list), their(&list));

    let texts: Vec<_> = input.lines().into_iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let pairs: Vec<_> = texts.iter().filter_map(|text| text.split_once('\t')).collect();
    we_write(&pairs);
    they_write(&pairs);
}

fn our(line: &[u8]) -> Members {
    let baggage = Baggage::parse(line).unwrap_or(Baggage::EMPTY);
    let members = baggage.iter().map(|member| {
        let properties = member.properties().iter().map(|property| property.to_string()).collect();
        (member.key().to_owned(), (member.value().into_owned(), properties))
    });
    members.collect()
}

fn their(line: &[u8]) -> Members {
    let mut headers = HeaderMap::new();
    headers.insert("baggage", HeaderValue::from_bytes(line).expect("part of a header"));
    of_theirs(peer::read(&*THEIRS, &headers).baggage())
}

/// Returns their members. They keep properties as one text, with its blanks.
fn of_theirs(baggage: &TheirBaggage) -> Members {
    let members = baggage.iter().map(|(key, (value, metadata))| {
        let properties = format!(";{}", metadata.as_str());
        let properties = self::properties(properties.as_bytes()).map(|(key, value)| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            value.map_or(text(key), |value| format!("{}={}", text(key), text(value)))
        });
        (key.as_str().to_owned(), (value.as_str().to_owned(), properties.collect()))
    });
    members.collect()
}

/// Checks that they read what we write.
fn we_write(pairs: &[(&str, &str)]) {
    let mut baggage = OwnedBaggage::new();
    for (key, value) in pairs {
        let entry = BaggageEntry { key: (*key).into(), value: (*value).into(), properties: String::new() };
        baggage.push(entry);
    }
    let context = OwnedContext::new(SpanContext::new(TraceId::MIN, SpanId::MIN)).with_baggage(&baggage);
    let mut sent = HeaderMap::new();
    let span = context.span().expect("it has one");
    let omitted = OURS.inject(&span, &InjectOptions::everything(), &mut HeaderCarrierMut::new(&mut sent));
    let line = lines(&sent, "baggage").first().copied().unwrap_or_default();
    for member in line.split(|&b| b == b',') {
        agree(our(member), their(member), MEMBER, &[member]);
    }
    if omitted.is_complete() {
        let meant = pairs.iter().filter(|(key, _)| is_token(key.as_bytes()));
        assert_eq!(our(line), meant.map(|(key, value)| ((*key).to_owned(), ((*value).to_owned(), vec![]))).collect());
    }
}

/// Checks that we read what they write.
fn they_write(pairs: &[(&str, &str)]) {
    for (key, value) in pairs {
        let mut baggage = TheirBaggage::new();
        let _ = baggage.insert((*key).to_owned(), (*value).to_owned());
        let meant = of_theirs(&baggage);
        let sent = peer::written(
            &*THEIRS,
            &Context::new().with_baggage(baggage.iter().map(|(key, (value, metadata))| {
                opentelemetry::baggage::KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
            })),
        );
        let line = lines(&sent, "baggage").first().copied().unwrap_or_default();
        agree(meant, our(line), WRITTEN, &[key.as_bytes(), value.as_bytes()]);
    }
}
