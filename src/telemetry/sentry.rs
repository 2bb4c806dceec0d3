//! Panics, and calls that end INTERNAL → Sentry: where, in which method and trace, and no value.
//!
//! What a panic says may hold anything, so that only its place is told.

use std::cell::RefCell;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use sentry::protocol::{Event, Level};
use sentry::transports::DefaultTransportFactory;
use sentry::types::Dsn;
use sentry::{Client, ClientOptions};

use super::Error;
use super::ended::Outcome;
use super::rate::Rate;
use super::trace::Trace;

/// Events in a second; what goes wrong goes wrong often.
const EVENTS_PER_SECOND: u32 = 10;
/// What is left when the process ends has so long.
const FLUSH_MAX: Duration = Duration::from_secs(2);

thread_local! {
    /// Where the panic is that unwinds here.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

pub struct Sentry {
    client: Arc<Client>,
    rate: Rate,
}

impl Sentry {
    pub fn start(dsn: &str) -> Result<Sentry, Error> {
        dsn.parse::<Dsn>().map_err(|source| Error::Sentry { source })?;
        // Nothing of what an SDK likes to add: no host's name, no environment, no breadcrumbs.
        let mut options = ClientOptions::new()
            .dsn(dsn)
            .release(concat!("rowcall@", env!("CARGO_PKG_VERSION")))
            .default_integrations(false);
        options.transport = Some(Arc::new(DefaultTransportFactory));
        Ok(Sentry { client: Arc::new(Client::from(options)), rate: Rate::new(EVENTS_PER_SECOND) })
    }

    /// A call that ended for a reason that is on no list, or in a panic.
    pub fn call(&self, method: &str, trace: &Trace, outcome: Outcome) {
        let mut event = event(Level::Error, format!("{method}: {}", outcome.reason_or_none()));
        let place = PANICKED_AT.with_borrow(Clone::clone).filter(|_| std::thread::panicking());
        let tags = [
            ("grpc.method", method.to_owned()),
            ("trace_id", trace.to_string()),
            ("span_id", format!("{:016x}", trace.span)),
        ];
        event.tags.extend(tags.map(|(key, value)| (key.to_owned(), value)));
        event.tags.extend(place.map(|place| ("panicked_at".to_owned(), place)));
        self.send(event);
    }

    fn panicked(&self, place: &str) {
        let mut event = event(Level::Fatal, format!("panicked at {place}"));
        event.tags.insert("panicked_at".to_owned(), place.to_owned());
        self.send(event);
    }

    fn send(&self, event: Event<'static>) {
        if self.rate.takes() {
            self.client.capture_event(event, None);
        }
    }

    /// Blocks until what was told has been sent, at most for a while.
    pub fn flush(&self) {
        self.client.flush(Some(FLUSH_MAX));
    }
}

/// Tells of panics, and lets them be printed as before. Once per process.
pub fn catch_panics(sentry: Arc<Sentry>) {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let place = panicked.location().map_or("nowhere".to_owned(), ToString::to_string);
        sentry.panicked(&place);
        PANICKED_AT.set(Some(place));
        print(panicked);
    }));
}

fn event(level: Level, message: String) -> Event<'static> {
    Event { level, message: Some(message), platform: "native".into(), ..Event::default() }
}
