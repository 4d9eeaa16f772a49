//! A test program whose runner is gone ends, and its machines with it: nobody would read what came of them.

use std::os::unix::process::parent_id;
use std::process;
use std::sync::Once;
use std::thread::{sleep, spawn};
use std::time::Duration;

/// How often it is looked whether the runner is still there.
const INTERVAL: Duration = Duration::from_millis(500);

static STARTED: Once = Once::new();

/// Ends this program when the one that started it has ended.
pub(crate) fn follow() {
    STARTED.call_once(|| {
        let parent = parent_id();
        spawn(move || {
            while parent_id() == parent {
                sleep(INTERVAL);
            }
            eprintln!("the runner of the tests has ended");
            // Machines die with the threads that started them.
            process::exit(1);
        });
    });
}
