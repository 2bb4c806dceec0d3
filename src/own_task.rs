//! A call that is about to hold its thread → a task of its own.
//!
//! The calls of a connection run in its task, where most of them are answered before anything else has to
//! run, and what they say goes out together. One that has rows to read or to write would hold up the
//! others: it asks to leave, and goes when it next waits.

use std::cell::Cell;

thread_local! {
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// The call whose poll this is wants a task of its own. Where it has one already, nobody listens.
pub fn ask() {
    ASKED.set(true);
}

/// What a poll gave, and whether its call has asked.
pub fn asked<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    ASKED.set(false);
    let polled = poll();
    (polled, ASKED.take())
}
