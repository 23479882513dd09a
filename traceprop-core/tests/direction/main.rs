//! Which module may name which: the shape of the workspace, read from its source files.
//!
//! A format that imports another one, a reader that knows the composite, a core that names HTTP: each makes the next
//! change harder, and none shows in a test of behaviour. So every path in every source file is held against the table
//! below; a new module has to take its place in it.

mod rows;
mod source;

use source::Source;

/// The modules of the core, from the ground up: each may name those above it in this list and its own row, and nothing
/// below. The longest name counts, so a file may have another place than its folder.
const ORDER: &[&[&str]] = &[
    // Bytes and reasons, which know no header. Numbers and hex say why a digit is wrong.
    &["wire"],
    &["wire::reason"],
    &["wire::decimal", "wire::hex", "wire::uuid"],
    &["wire::base64", "wire::percent"],
    // Which headers there are.
    &["field"],
    &["field::invalid"],
    // Words of a configuration, and environment variables.
    &["config"],
    // What lines are read from, and the table of them.
    &["carrier"],
    &["carrier::source", "carrier::headers"],
    &["id::sampling"],
    &["id"],
    &["id::generator"],
    &["id::random"],
    // Lists that are more than one format's.
    &["tracestate"],
    &["tracestate::otel"],
    &["tracestate::preserve"],
    &["baggage"],
    // What is received, and what is sent.
    &["context::trust"],
    &["context::inject_options", "context::inject_report"],
    &["context::received"],
    &["context"],
    &["context::traceparent"],
    // What a format is.
    &["format"],
    &["format::forward"],
    // The formats. None names another: see `SEPARATE`.
    &["formats"],
    &["sampler"],
    // Several of them at once.
    &["propagator"],
    &["propagator::presets"],
    &["propagator::names"],
    &["propagator::env"],
    &["propagator::explain"],
    // Reports under one name.
    &["report"],
    // What is made of the result.
    &["owned"],
    &["owned::current"],
    // Nobody but the root names these.
    &["views"],
];

/// Folders whose modules do not name each other.
const SEPARATE: &[&str] = &["formats"];

/// A module of such a folder that names another one: both write one header, and that is one line.
const SHARES_HEADER: (&str, &str) = ("baggage", "sentry");

/// What each crate may depend on.
const CRATES: &[(&str, &[&str])] = &[
    ("traceprop-core", &["hex", "pin-project-lite", "rand", "serde_core"]),
    ("traceprop-http", &["traceprop-core", "bytes", "http", "idna", "thiserror"]),
    (
        "traceprop-tower",
        &[
            "traceprop-core",
            "traceprop-http",
            // Only axum itself has the path that a route matched.
            "axum",
            "axum-core",
            "http",
            "http-body",
            "pin-project-lite",
            "tower-layer",
            "tower-service",
            "tracing",
            "tracing-subscriber",
        ],
    ),
    (
        "traceprop-reqwest",
        &[
            "traceprop-core",
            "traceprop-http",
            "async-trait",
            "http",
            "reqwest",
            "reqwest-middleware",
            "thiserror",
            "tower-layer",
            "tower-service",
        ],
    ),
    (
        "traceprop-opentelemetry",
        &[
            "traceprop-core",
            "traceprop-tower",
            "http",
            "opentelemetry",
            "opentelemetry_sdk",
            "pin-project-lite",
            "tower-layer",
            "tower-service",
            "tracing",
            "tracing-opentelemetry",
            "tracing-subscriber",
        ],
    ),
];

/// Crates that the core never names, under any feature.
const FOREIGN: &[&str] = &[
    "axum",
    "axum_core",
    "bytes",
    "http",
    "http_body",
    "hyper",
    "opentelemetry",
    "reqwest",
    "tokio",
    "tower",
    "tower_layer",
    "tower_service",
    "tracing",
];

/// Returns the row of a path such as `wire::hex::encode_u64`, and the part of it that the table knows.
fn place(path: &str) -> Option<(usize, &'static str)> {
    let rows = ORDER.iter().enumerate().flat_map(|(row, names)| names.iter().map(move |name| (row, *name)));
    let within = |name: &str| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"));
    rows.filter(|(_, name)| within(name)).max_by_key(|(_, name)| name.len())
}

/// Returns the module of a folder that a path lies in: `formats::b3` of `formats::b3::single::Read`.
fn member<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(folder)?.strip_prefix("::")?;
    Some(rest.split("::").next().unwrap_or(rest))
}

/// Returns the violations of one file of the core.
fn violations(source: &Source) -> Vec<String> {
    let module = source.module();
    // The root declares the modules and names what is public.
    let root = module.is_empty();
    let Some((own_row, _)) = place(&module).or(root.then_some((usize::MAX, ""))) else {
        return vec![format!("{module}: not in the table")];
    };
    let mut wrong = Vec::new();
    for path in source.paths() {
        let first = path.split("::").next().unwrap_or_default();
        if FOREIGN.contains(&first) {
            wrong.push(format!("{module} names the crate {first}"));
        }
        let Some(target) = source.within_crate(&path) else {
            continue;
        };
        let Some((row, name)) = place(&target) else {
            if !root {
                wrong.push(format!("{module} names crate::{target}, not the module that it lies in"));
            }
            continue;
        };
        // A folder's own file names what is in it, to hand it on.
        if row > own_row && !name.starts_with(&format!("{module}::")) {
            wrong.push(format!("{module} names {target}, which builds on it"));
        }
        for folder in SEPARATE {
            match (member(folder, &module), member(folder, &target)) {
                (Some(one), Some(other)) if one != other && (one, other) != SHARES_HEADER => {
                    wrong.push(format!("{module} names {target}"));
                }
                _ => {}
            }
        }
    }
    wrong
}

/// Returns the names under `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<&str> {
    let lines = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    let section = lines.take_while(|line| !line.starts_with('['));
    let names =
        section.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().trim_end_matches(".workspace"));
    names.filter(|name| !name.starts_with('#')).collect()
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn ok_core_modules_name_only_what_they_build_on() {
    let sources = source::of_crate("traceprop-core");
    assert!(sources.len() > 30, "only {} files", sources.len());
    // Unit tests that fill a file of their own may use everything.
    let shipped = sources.iter().filter(|source| !source.module().ends_with("::tests"));
    none(&shipped.flat_map(violations).collect::<Vec<_>>());
}

#[test]
fn ok_every_row_of_the_table_is_a_module() {
    let modules: Vec<_> = source::of_crate("traceprop-core").iter().map(Source::module).collect();
    for name in ORDER.iter().flat_map(|row| row.iter()) {
        let exists = modules.iter().any(|module| module == name || module.starts_with(&format!("{name}::")));
        assert!(exists, "{name} is not a module any more");
    }
}

#[test]
fn ok_crates_depend_only_on_what_they_may() {
    for name in source::published_crates() {
        let (_, allowed) = CRATES.iter().find(|(known, _)| *known == name).expect("a row for every published crate");
        let manifest = source::manifest(&name);
        let wrong: Vec<_> = dependencies(&manifest).into_iter().filter(|found| !allowed.contains(found)).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}");
    }
}

#[test]
fn ok_adapters_reach_the_core_through_its_front_door() {
    for name in source::published_crates() {
        for source in source::of_crate(&name) {
            for back_door in ["#[path", "include!", "doc(hidden)", "#[no_mangle"] {
                assert!(!source.code().contains(back_door), "{}: {back_door}", source.name());
            }
        }
    }
}

#[test]
fn ok_published_crates_forbid_unsafe_code() {
    let crates = source::published_crates();
    assert!(crates.iter().any(|name| name == "traceprop-core"));
    for name in crates {
        let sources = source::of_crate(&name);
        let root = sources.iter().find(|source| source.module().is_empty()).expect("a lib.rs");
        assert!(root.code().contains("#![forbid(unsafe_code)]"), "{name}");
        assert!(sources.iter().all(|source| !source.code().contains("unsafe ")), "{name}");
    }
}

#[test]
fn ok_the_core_is_no_std() {
    let sources = source::of_crate("traceprop-core");
    let root = sources.iter().find(|source| source.module().is_empty()).expect("a lib.rs");
    assert!(root.code().contains("#![cfg_attr(not(test), no_std)]"));
}

#[test]
fn ok_only_the_files_of_a_row_name_it() {
    let sources = source::of_crate("traceprop-core");
    let table = sources.iter().find(|source| source.name() == "field/builtin.rs").expect("the table");
    let rows = rows::rows(table);
    assert!(rows.len() > 7, "only {} rows", rows.len());
    let shipped = sources.iter().filter(|source| !source.module().ends_with("::tests"));
    none(&shipped.flat_map(|source| rows::violations(source, &rows)).collect::<Vec<_>>());
}

/// The rules themselves: what they let through, and what they find.
mod rules {
    use super::*;

    fn found(module: &str, code: &str) -> Vec<String> {
        violations(&Source::new(module, code))
    }

    #[test]
    fn ok_edges_downwards_and_within_a_folder() {
        let format = "use crate::format::{Format, Writer};\nuse crate::wire::{self, hex};\nuse super::super::id;";
        assert_eq!(found("formats/b3.rs", format), [""; 0]);
        assert_eq!(found("formats/b3/single.rs", "use super::ids::B3Ids; use crate::formats::b3::multi;"), [""; 0]);
        assert_eq!(
            found("baggage/mod.rs", "pub(crate) use self::member::RawMember; use crate::baggage::edit;"),
            [""; 0]
        );
        assert_eq!(
            found(
                "wire/buffer.rs",
                "// crate::propagator::presets, in a comment\nfn f() { \"crate::propagator::presets\"; }"
            ),
            [""; 0]
        );
        assert_eq!(
            found(
                "carrier/headers.rs",
                "use crate::field::Field;\n#[cfg(test)]\nmod tests { use crate::propagator::presets; }"
            ),
            [""; 0]
        );
        assert_eq!(found("lib.rs", "pub use propagator::Preset; pub use crate::owned::current::current;"), [""; 0]);
    }

    #[test]
    fn err_edges_upwards() {
        let one = |module, code| {
            let found = found(module, code);
            assert_eq!(found.len(), 1, "{found:?}");
            found.into_iter().next().unwrap_or_default()
        };
        assert_eq!(
            one("wire/buffer.rs", "use crate::id::TraceId;"),
            "wire::buffer names id::TraceId, which builds on it"
        );
        assert_eq!(
            one("carrier/headers.rs", "use crate::{field::Field, format::{Reading}};"),
            "carrier::headers names format::Reading, which builds on it"
        );
        assert_eq!(
            one("format/mod.rs", "fn f() -> crate::propagator::presets::Preset {}"),
            "format names propagator::presets::Preset, which builds on it"
        );
        assert_eq!(
            one("formats/b3/mod.rs", "use crate::propagator::Propagator;"),
            "formats::b3 names propagator::Propagator, which builds on it"
        );
        assert_eq!(
            one("propagator/builder.rs", "use super::names::KNOWN;"),
            "propagator::builder names propagator::names::KNOWN, which builds on it"
        );
        assert_eq!(
            one("wire/mod.rs", "use super::field::invalid::Reason;"),
            "wire names field::invalid::Reason, which builds on it"
        );
    }

    #[test]
    fn err_a_format_that_names_another() {
        let edge = "use crate::formats::tracecontext::TraceFlags;";
        assert_eq!(found("formats/b3/mod.rs", edge), ["formats::b3 names formats::tracecontext::TraceFlags"]);
        let edge = "use super::tracecontext::TraceFlags;";
        assert_eq!(found("formats/datadog.rs", edge), ["formats::datadog names formats::tracecontext::TraceFlags"]);
    }

    #[test]
    fn err_a_crate_that_the_core_must_not_know() {
        assert_eq!(found("carrier/mod.rs", "use http::HeaderMap;"), ["carrier names the crate http"]);
        assert_eq!(
            found("owned/current.rs", "fn f() { tokio::spawn(g()); }"),
            ["owned::current names the crate tokio"]
        );
        assert_eq!(
            found("propagator/explain.rs", "use ::tracing::Span;"),
            ["propagator::explain names the crate tracing"]
        );
    }

    #[test]
    fn err_a_module_without_a_place_and_a_name_without_its_module() {
        assert_eq!(found("cache.rs", ""), ["cache: not in the table"]);
        assert_eq!(
            found("propagator/explain.rs", "use crate::Propagator;"),
            ["propagator::explain names crate::Propagator, not the module that it lies in"]
        );
    }

    const TABLE: &str =
        "formats { Acme { fields: { /// `x-acme`.\n AcmeId: Trace = \"x-acme-id\", AcmeText: Text = \"acmectx-\", }
        first_field: Required, names: [\"acme\", \"acmemulti\"], letter: Some('a'), }
        Correlation { fields: {} names: [\"correlation:HEADER\"], in_all: No, }
        Baggage { fields: { Baggage: Text = \"baggage\", } names: [\"baggage\"], } }
        unread { Other = \"x-other\", }";

    fn named(file: &str, code: &str) -> Vec<String> {
        let rows = rows::rows(&Source::new("field/builtin.rs", TABLE));
        rows::violations(&Source::new(file, code), &rows)
    }

    #[test]
    fn ok_rows_are_read_from_the_table() {
        let rows = rows::rows(&Source::new("field/builtin.rs", TABLE));
        let names: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.names())).collect();
        let acme = (
            vec!["acme", "acmeid", "acmetext", "acme", "acmemulti"],
            vec!["x-acme-id", "acmectx-", "acme", "acmemulti"],
        );
        let baggage = (vec!["baggage", "baggage", "baggage"], vec!["baggage", "baggage"]);
        let correlation = (vec!["correlation", "correlation"], vec!["correlation"]);
        let unread = (vec!["other"], vec!["x-other"]);
        assert_eq!(names, [("Acme", acme), ("Correlation", correlation), ("Baggage", baggage), ("unread", unread)]);
    }

    #[test]
    fn ok_files_of_a_row_and_comments_name_it() {
        assert_eq!(named("formats/acme/mod.rs", "Field::AcmeId; \"x-acme-id\""), [""; 0]);
        assert_eq!(named("views/acme.rs", "use crate::formats::acme::Acme;"), [""; 0]);
        assert_eq!(named("owned/mod.rs", "// Acme's `x-acme-id`\nField::Baggage; \"baggage\"; acme_ids()"), [""; 0]);
        assert_eq!(named("format/mod.rs", "use crate::baggage::Baggage;\n#[cfg(test)]\nmod tests { Acme }"), [""; 0]);
    }

    #[test]
    fn err_other_code_that_names_a_row() {
        assert_eq!(named("owned/mod.rs", "fn f() { Field::AcmeId }"), ["owned/mod.rs names Acme: AcmeId"]);
        assert_eq!(named("propagator/merge.rs", "\"no X-Acme-Id\""), ["propagator/merge.rs names Acme: no X-Acme-Id"]);
        assert_eq!(named("format/mod.rs", "const ACME_ID: u8 = 0;"), ["format/mod.rs names Acme: ACME_ID"]);
        assert_eq!(named("format/mod.rs", "Field::Baggage"), ["format/mod.rs names Baggage: Baggage"]);
        assert_eq!(named("carrier/mod.rs", "Field::Other"), ["carrier/mod.rs names unread: Other"]);
    }

    #[test]
    fn ok_dependencies_are_read_from_the_manifest() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\n# why\nhttp.workspace = true\nrand = { workspace = true }\n\n[dev-dependencies]\ntokio = \"1\"\n";
        assert_eq!(dependencies(manifest), ["http", "rand"]);
    }
}
