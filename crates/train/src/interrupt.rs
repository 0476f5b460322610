//! Ctrl-C asks the loop to save and stop; a second one ends the program at once, as does one while nothing is trained.

use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a program that was interrupted, as shells count.
const INTERRUPTED: i32 = 130;

static TRAINING: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler for the process (SIGINT, SIGTERM and SIGHUP). Calling it twice is harmless.
pub fn install() {
    // A second installation reports an error and leaves the first in place, which is what is wanted.
    let _ = ctrlc::set_handler(|| {
        let again = REQUESTED.swap(true, Ordering::SeqCst);
        if again || !TRAINING.load(Ordering::SeqCst) {
            // Without the clean-up of an ordinary exit: libtorch may compute in another thread, and crashes when its
            // objects are taken away under it.
            signal_hook::low_level::exit(INTERRUPTED);
        }
        eprintln!("\nstopping after this step and saving; press Ctrl-C again to stop at once");
    });
}

/// Whether a stop was asked for.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Until the result is dropped a stop is a request; before and after it ends the program.
pub fn while_saving_matters() -> impl Drop {
    struct Training;
    impl Drop for Training {
        fn drop(&mut self) {
            TRAINING.store(false, Ordering::SeqCst);
        }
    }
    TRAINING.store(true, Ordering::SeqCst);
    Training
}
