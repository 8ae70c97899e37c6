//! A line on the terminal that says what a command is doing, once it has been at it for a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Commands that take less show nothing, so that nothing flickers.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);

pub struct Progress {
    bar: ProgressBar,
    /// Dropped to wake the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to wait. Draws on stderr.
    pub fn start() -> Progress {
        let style = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]").expect("the template is constant");
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style);
        let (stop, stopped) = channel();
        let shown = bar.clone();
        let thread = std::thread::spawn(move || {
            if stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Progress { bar, stop: Some(stop), thread: Some(thread) }
    }

    pub fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// How much of something is done, told from any thread.
    pub fn counter(&self) -> impl Fn(&str, usize, usize) + Send + Sync + use<> {
        let bar = self.bar.clone();
        move |what, done, of| {
            const CELLS: usize = 24;
            let full = done * CELLS / of.max(1);
            bar.set_message(format!("{what} {}{} {done}/{of}", "█".repeat(full), "░".repeat(CELLS - full.min(CELLS))));
        }
    }

    /// Clears the line while `print` writes to the terminal.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
