//! `--time-passes`: how long each stage took, and how large its result is.

use crate::table;
use std::time::Duration;

#[derive(Default)]
pub struct Stages {
    rows: Vec<Stage>,
}

struct Stage {
    name: String,
    times: usize,
    time: Duration,
    size: String,
}

impl Stages {
    /// A stage that runs again adds to its row, and its size is that of the last result.
    pub fn add(&mut self, name: &str, time: Duration, size: String) {
        match self.rows.iter_mut().find(|s| s.name == name) {
            Some(s) => {
                s.times += 1;
                s.time += time;
                s.size = size;
            }
            None => self.rows.push(Stage { name: name.to_owned(), times: 1, time, size }),
        }
    }

    pub fn text(&self) -> String {
        let milliseconds = |t: Duration| format!("{:.1}", t.as_secs_f64() * 1e3);
        let row = |s: &Stage| vec![s.name.clone(), s.times.to_string(), milliseconds(s.time), s.size.clone()];
        let total = self.rows.iter().map(|s| s.time).sum();
        let total = vec!["total".to_owned(), String::new(), milliseconds(total), String::new()];
        table::text(&["stage", "#times", "#ms", "size"], self.rows.iter().map(row).chain([total]))
    }
}
