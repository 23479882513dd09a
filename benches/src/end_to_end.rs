//! What a whole request to a service costs, from the data of the program `end-to-end`.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

const HEADER: &str = "service,instructions,requests_per_second,p99_us";

/// A service and what a request to it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    pub name: String,
    /// Of client and server, in user space.
    pub instructions: u64,
    pub requests_per_second: f64,
    pub p99_us: f64,
}

/// Reads the file.
pub fn load(path: &Path) -> io::Result<Vec<Service>> {
    parse(&fs::read_to_string(path)?)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{} is malformed", path.display())))
}

fn parse(text: &str) -> Option<Vec<Service>> {
    let lines = text.strip_prefix(HEADER)?.strip_prefix('\n')?.lines();
    let services = lines.map(|line| {
        let [name, instructions, rate, p99] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
        Some(Service {
            name: name.to_owned(),
            instructions: instructions.parse().ok()?,
            requests_per_second: rate.parse().ok()?,
            p99_us: p99.parse().ok()?,
        })
    });
    services.collect()
}

/// Returns a line for each service. The first one is the service without layers.
pub fn table(services: &[Service]) -> String {
    let mut text = "| service | instructions | more than bare | requests a second | 99 % answered within: ms |\n\
                    |---|--:|--:|--:|--:|\n"
        .to_owned();
    for service in services {
        let Service { name, instructions, requests_per_second, p99_us } = service;
        let more = more(service, services);
        let _ = writeln!(text, "| {name} | {instructions} | {more} | {requests_per_second:.0} | {:.1} |", p99_us / 1e3);
    }
    text
}

/// Returns how many instructions a service adds to the first one: `+23 %`, or nothing for the first one.
pub fn more(service: &Service, services: &[Service]) -> String {
    match services.first() {
        Some(bare) if bare.instructions < service.instructions => {
            format!("+{:.0} %", (service.instructions as f64 / bare.instructions as f64 - 1.0) * 100.0)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_service_is_compared_with_the_first() {
        let services = parse(&format!("{HEADER}\nbare,20000,15000,900\ntraceprop,25000,14000,1250\n")).expect("valid");
        let lines: Vec<_> = table(&services).lines().skip(2).map(str::to_owned).collect();
        assert_eq!(lines, ["| bare | 20000 |  | 15000 | 0.9 |", "| traceprop | 25000 | +25 % | 14000 | 1.2 |"]);
    }

    #[test]
    fn err_parse_another_file() {
        for text in ["", "case,contender,ns,allocations\n", &format!("{HEADER}\nbare,1,2\n")] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
