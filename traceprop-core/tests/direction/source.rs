//! Source files: their modules, and the paths that they name.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file, without comments, texts and unit tests.
pub(crate) struct Source {
    /// The path below `src`, with `/` between folders.
    name: String,
    code: String,
    /// The code, texts included.
    with_texts: String,
}

/// A part of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'s> {
    Identifier(&'s str),
    /// The inside of a text literal.
    Text(&'s str),
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the published crates of the workspace; in a package on its own, this one.
pub(crate) fn published_crates() -> Vec<String> {
    let entries = fs::read_dir(workspace()).expect("the folder of the workspace");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut crates: Vec<_> = names.filter(|name| name.starts_with("traceprop-") && is_published(name)).collect();
    if crates.is_empty() {
        crates.push("traceprop-core".into());
    }
    crates.sort();
    crates
}

fn is_published(name: &str) -> bool {
    let manifest = workspace().join(name).join("Cargo.toml");
    fs::read_to_string(manifest).is_ok_and(|manifest| !manifest.contains("publish = false"))
}

fn folder(name: &str) -> PathBuf {
    // The core finds itself wherever it was unpacked.
    match name {
        "traceprop-core" => PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        _ => workspace().join(name),
    }
}

pub(crate) fn manifest(name: &str) -> String {
    fs::read_to_string(folder(name).join("Cargo.toml")).expect("a manifest")
}

/// Returns every source file of a crate.
pub(crate) fn of_crate(name: &str) -> Vec<Source> {
    let root = folder(name).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/");
                sources.push(Source::new(&name, &fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    sources
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        // Unit tests are at the foot of a file and may use what they like.
        let shipped = |code: String| {
            let end = code
                .match_indices("#[cfg(test)]")
                .find(|(at, mark)| code[at + mark.len()..].trim_start().starts_with("mod "));
            end.map_or(code.as_str(), |(at, _)| &code[..at]).to_owned()
        };
        let [code, with_texts] = [false, true].map(|texts| shipped(without_comments(text, texts)));
        Self { name: name.to_owned(), code, with_texts }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// Returns every identifier and text literal, in order.
    pub(crate) fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut rest = self.with_texts.as_str();
        while let Some(c) = rest.chars().next() {
            let len = if c == '"' {
                let len = text_len(rest);
                pieces.push(Piece::Text(rest[1..len].trim_end_matches('"')));
                len
            } else if is_name(c) {
                let len = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                pieces.push(Piece::Identifier(&rest[..len]));
                len
            } else {
                c.len_utf8()
            };
            rest = &rest[len..];
        }
        pieces
    }

    /// Returns the module of the file: empty for the root, else `formats::b3::single`.
    pub(crate) fn module(&self) -> String {
        let path = self.name.trim_end_matches(".rs").trim_end_matches("mod").trim_end_matches('/');
        if path == "lib" { String::new() } else { path.replace('/', "::") }
    }

    /// Returns every path of two names or more, groups of a `use` spread out.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut rest = self.code.as_str();
        while let Some(at) = rest.find(|c: char| is_name(c) || c == ':') {
            let before = rest[..at].chars().next_back();
            rest = &rest[at..];
            let (tree, after) = path(rest);
            // `.method::<T>()` and the rest of a longer path are not separate paths.
            if before != Some('.') {
                spread("", tree, &mut paths);
            }
            rest = after;
        }
        paths.retain(|path| path.contains("::"));
        paths
    }

    /// Returns what a path of this file names within its crate, or `None` for other crates and local names.
    pub(crate) fn within_crate(&self, path: &str) -> Option<String> {
        if let Some(rest) = path.strip_prefix("crate::") {
            return Some(rest.to_owned());
        }
        let module = self.module();
        let own = |rest: &str| if module.is_empty() { rest.to_owned() } else { format!("{module}::{rest}") };
        if let Some(rest) = path.strip_prefix("self::") {
            return Some(own(rest));
        }
        let mut rest = path.strip_prefix("super::")?;
        let mut parents: Vec<&str> = module.split("::").collect();
        parents.pop();
        while let Some(further) = rest.strip_prefix("super::") {
            parents.pop();
            rest = further;
        }
        parents.push(rest);
        Some(parents.join("::"))
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns a path, with its group if it ends in one, and the text after it.
fn path(text: &str) -> (&str, &str) {
    let mut end = 0;
    while let Some(c) = text[end..].chars().next() {
        if !is_name(c) && !text[end..].starts_with("::") {
            break;
        }
        end += if c == ':' { 2 } else { c.len_utf8() };
        if text[..end].ends_with("::") && text[end..].starts_with('{') {
            let mut depth = 0;
            for (at, c) in text[end..].char_indices() {
                depth += i32::from(c == '{') - i32::from(c == '}');
                if depth == 0 {
                    return text.split_at(end + at + 1);
                }
            }
        }
    }
    // A lone colon is not a path.
    text.split_at(end.max(1))
}

/// Adds the paths of a group: `a`, `a::b::c`, `a::b::d` of `a::{self, b::{c, d}}`.
fn spread(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let name = tree.split_whitespace().next().unwrap_or_default();
        let path = format!("{prefix}{name}");
        paths.push(path.trim_end_matches("::self").trim_start_matches("::").to_owned());
        return;
    };
    let prefix = format!("{prefix}{head}");
    let group = group.strip_suffix('}').unwrap_or(group);
    let mut depth = 0;
    let members = group.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for member in members.filter(|member| !member.trim().is_empty()) {
        spread(&prefix, member, paths);
    }
}

/// Replaces comments and characters by blanks, and texts too unless they are kept, so that what they hold is not code.
fn without_comments(text: &str, keep_texts: bool) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => text_len(rest),
            '\'' => char_len(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else if c == '"' && keep_texts {
            code.push_str(&rest[..skipped]);
            rest = &rest[skipped..];
        } else {
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

/// Returns the length in bytes of the text literal that `rest` begins with.
fn text_len(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// Returns the length in bytes of the character literal that `rest` begins with; 0 for a lifetime.
fn char_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => rest[3..].find('\'').map_or(0, |end| end + 4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}
