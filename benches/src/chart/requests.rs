//! What a whole request costs: a bar for each service.

use super::{Anchor, Drawing, Theme};
use crate::end_to_end::{Service, more};

const NAMES: f64 = 250.0;
const LONGEST: f64 = 450.0;
const STEP: f64 = 19.0;
const THICK: f64 = 13.0;

/// Draws the instructions of a request.
pub fn requests(services: &[Service], theme: &Theme) -> String {
    let mut drawing = Drawing::new(theme);
    let title = "Instructions of a request to an axum service";
    drawing.text(20.0, 28.0, "title", Anchor::Start, title);
    let longest = services.iter().map(|service| service.instructions).max().unwrap_or(1) as f64;
    let mut y = 44.0;
    for service in services {
        let length = service.instructions as f64 / longest * LONGEST;
        drawing.text(NAMES, y + 10.5, "faint", Anchor::End, &service.name);
        drawing.bar(NAMES + 8.0, y, length, THICK, theme.of(&service.name));
        let label = format!("{} {}", service.instructions, more(service, services));
        drawing.text(NAMES + 14.0 + length, y + 10.5, "", Anchor::Start, label.trim_end());
        y += STEP;
    }
    drawing.finish(title, y + 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::THEMES;

    #[test]
    fn ok_a_bar_is_as_long_as_its_instructions_are_many() {
        let service = |name: &str, instructions| Service {
            name: name.to_owned(),
            instructions,
            requests_per_second: 1.0,
            p99_us: 1.0,
        };
        let svg = requests(&[service("bare", 20_000), service("traceprop", 40_000)], &THEMES[0]);
        assert!(svg.contains(r#"width="225.0""#) && svg.contains(r#"width="450.0""#), "{svg}");
        assert!(svg.contains(">20000<") && svg.contains(">40000 +100 %<"), "{svg}");
    }
}
