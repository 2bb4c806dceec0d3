//! Two servers that may answer → the first good answer.
//!
//! ```text
//!           answered
//! first ──────────────────────────────────────────────► its answer
//!   │ failed, and another may answer ──► second alone ─► its answer
//!   │ silent for longer than patience
//!   ▼
//! both ─────► the first that answers; the other is dropped, which cancels it
//! ```

use std::pin::pin;

use super::elsewhere::{Elsewhere, Failure};

/// `second` has the last word: what it says of its own accord is not asked again, but while it is gone or busy,
/// `first` may still answer. `patience` is done when it is at its end, which `silent` is told.
pub(super) async fn hedge<T, E: Failure, S>(
    patience: impl Future<Output = ()>,
    first: impl Future<Output = Result<T, E>>,
    silent: impl FnOnce(),
    second: impl FnOnce() -> S,
) -> Result<T, E>
where
    S: Future<Output = Result<T, E>>,
{
    let mut first = pin!(first);
    tokio::select! {
        biased;
        ended = &mut first => return match ended {
            Err(error) if error.elsewhere().is_some() => second().await,
            ended => ended,
        },
        () = patience => silent(),
    }
    let mut second = pin!(second());
    tokio::select! {
        biased;
        ended = &mut first => match ended {
            Err(error) if error.elsewhere().is_some() => second.await,
            ended => ended,
        },
        ended = &mut second => match ended {
            Err(error) if matches!(error.elsewhere(), Some(Elsewhere::Gone | Elsewhere::Busy)) => {
                match first.await {
                    Err(late) if late.elsewhere().is_some() => Err(error),
                    ended => ended,
                }
            }
            ended => ended,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Said(&'static str, Option<Elsewhere>);

    impl Failure for Said {
        fn elsewhere(&self) -> Option<Elsewhere> {
            self.1
        }
    }

    type Told = Result<&'static str, Said>;

    /// A number of looks that never come; patience that has no end.
    const NEVER: usize = usize::MAX;

    /// What comes of two that are done at the so manieth look, and whether patience was at its end.
    fn of(patience: usize, first: (usize, Told), second: (usize, Told)) -> (Told, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            let looked = async |looks: usize| {
                if looks == NEVER {
                    pending::<()>().await;
                }
                for _ in 0..looks {
                    tokio::task::yield_now().await;
                }
            };
            let after = async |(looks, told): (usize, Told)| {
                looked(looks).await;
                told
            };
            let silent = Cell::new(false);
            let told = hedge(looked(patience), after(first), || silent.set(true), || after(second)).await;
            (told, silent.get())
        })
    }

    fn gone(text: &'static str) -> Told {
        Err(Said(text, Some(Elsewhere::Gone)))
    }

    fn of_its_own(text: &'static str) -> Told {
        Err(Said(text, Some(Elsewhere::Said)))
    }

    fn final_word(text: &'static str) -> Told {
        Err(Said(text, None))
    }

    #[test]
    fn an_answer_in_time_is_the_answer() {
        assert_eq!(of(NEVER, (5, Ok("first")), (0, Ok("second"))), (Ok("first"), false));
        assert_eq!(of(NEVER, (5, final_word("first")), (0, Ok("second"))), (final_word("first"), false));
        assert_eq!(of(1, (0, Ok("first")), (0, Ok("second"))), (Ok("first"), false));
    }

    #[test]
    fn a_failure_of_the_first_alone_is_asked_of_the_second_at_once() {
        for failure in [gone("first"), of_its_own("first")] {
            assert_eq!(of(NEVER, (5, failure), (5, Ok("second"))), (Ok("second"), false));
        }
        assert_eq!(of(NEVER, (5, gone("first")), (5, gone("second"))), (gone("second"), false));
    }

    #[test]
    fn silence_is_waited_for_no_longer_than_patience() {
        assert_eq!(of(1, (NEVER, Ok("first")), (5, Ok("second"))), (Ok("second"), true));
        assert_eq!(of(1, (5, Ok("first")), (NEVER, Ok("second"))), (Ok("first"), true));
        assert_eq!(of(1, (5, gone("first")), (50, Ok("second"))), (Ok("second"), true));
        assert_eq!(of(1, (5, final_word("first")), (50, Ok("second"))), (final_word("first"), true));
    }

    #[test]
    fn the_second_has_the_last_word_unless_it_has_none() {
        assert_eq!(of(1, (NEVER, Ok("first")), (5, of_its_own("second"))), (of_its_own("second"), true));
        assert_eq!(of(1, (50, Ok("first")), (5, gone("second"))), (Ok("first"), true));
        assert_eq!(of(1, (50, gone("first")), (5, gone("second"))), (gone("second"), true));
        assert_eq!(of(1, (50, final_word("first")), (5, gone("second"))), (final_word("first"), true));
    }
}
