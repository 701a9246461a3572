//! The figures, as Markdown.

use std::{fmt, fs, time::Duration};

#[derive(Default)]
pub struct Table(Vec<[String; 2]>);

impl Table {
    /// One line; also told at once, to those who wait.
    pub fn add(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        let (what, figure) = (what.into(), figure.into());
        eprintln!("  {what}: {figure}");
        self.0.push([what, figure]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let of = |name: &str| {
            let line = machine.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let model = of("model name").unwrap_or_else(|| "unknown processor".into());
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        writeln!(f, "{model}, {cores} cores, Linux {}\n", kernel.trim())?;
        writeln!(f, "| what | figure |\n|---|---|")?;
        for [what, figure] in &self.0 {
            writeln!(f, "| {what} | {figure} |")?;
        }
        Ok(())
    }
}

/// `p50 0.21 / p99 0.80 ms`.
pub fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share) as usize).min(times.len() - 1);
        times[place].as_secs_f64() * 1000.0
    };
    format!("p50 {:.2} / p99 {:.2} ms", at(0.5), at(0.99))
}

/// `1,234`.
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// So many in that time, each second.
pub fn rate(number: usize, time: Duration) -> String {
    format!("{}/s", count(number as f64 / time.as_secs_f64()))
}
