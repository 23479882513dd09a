//! Charts of the measured data, as SVG: one for light pages and one for dark ones.

mod bars;
mod lines;
mod requests;

use std::fmt::Write;

pub use bars::speed;
pub use lines::{growth, slopes};
pub use requests::requests;

/// The colours of a page.
#[derive(Debug)]
pub struct Theme {
    /// Stands in the names of files.
    pub name: &'static str,
    page: &'static str,
    text: &'static str,
    faint: &'static str,
    grid: &'static str,
    ours: &'static str,
    peers: [&'static str; 2],
}

pub const THEMES: [Theme; 2] = [
    Theme {
        name: "light",
        page: "#ffffff",
        text: "#1f2328",
        faint: "#59636e",
        grid: "#d1d9e0",
        ours: "#0969da",
        peers: ["#bc4c00", "#8250df"],
    },
    Theme {
        name: "dark",
        page: "#0d1117",
        text: "#f0f6fc",
        faint: "#9198a1",
        grid: "#3d444d",
        ours: "#4493f8",
        peers: ["#db6d28", "#ab7df8"],
    },
];

impl Theme {
    /// Returns the colour of a contender, which is the same in all charts.
    fn of(&self, contender: &str) -> &'static str {
        match contender {
            _ if contender.starts_with("traceprop") => self.ours,
            _ if contender.starts_with("datadog") => self.peers[1],
            // What a contender is compared with.
            crate::FLOOR | "bare" | "empty-layer" | "log-line" => self.grid,
            _ => self.peers[0],
        }
    }
}

const WIDTH: f64 = 860.0;

/// A drawing that grows from top to bottom.
struct Drawing<'t> {
    theme: &'t Theme,
    body: String,
}

#[derive(Clone, Copy)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl<'t> Drawing<'t> {
    fn new(theme: &'t Theme) -> Self {
        Self { theme, body: String::new() }
    }

    fn text(&mut self, x: f64, y: f64, class: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ =
            writeln!(self.body, r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#);
    }

    fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2" fill="{fill}"/>"#
        );
    }

    fn rule(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let grid = self.theme.grid;
        let _ = writeln!(self.body, r#"<path d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}" stroke="{grid}"/>"#);
    }

    fn line(&mut self, points: &[(f64, f64)], stroke: &str, dashed: bool) {
        let dashes = if dashed { r#" stroke-dasharray="5 4""# } else { "" };
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        let _ = writeln!(
            self.body,
            r#"<polyline points="{points}" fill="none" stroke="{stroke}" stroke-width="2"{dashes}/>"#
        );
    }

    fn dot(&mut self, (x, y): (f64, f64), fill: &str) {
        let _ = writeln!(self.body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="2.5" fill="{fill}"/>"#);
    }

    fn finish(self, title: &str, height: f64) -> String {
        let Theme { page, text, faint, .. } = self.theme;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="{title}">
<style>
text {{ font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: {text} }}
.title {{ font-size: 13px; font-weight: 600 }}
.faint {{ fill: {faint} }}
.small {{ font-size: 11px; fill: {faint} }}
</style>
<rect width="{WIDTH}" height="{height}" rx="6" fill="{page}"/>
{}</svg>
"#,
            self.body
        )
    }
}
