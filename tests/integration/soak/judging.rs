//! Answers, one after the other → verdicts. While a primary is replaced by another they wait until it is known what is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc, watch};

use super::Soak;
use super::judge::Answer;

const FORGET_EVERY: Duration = Duration::from_secs(2);

pub struct Answers {
    sender: mpsc::UnboundedSender<Answer>,
    answers: Mutex<mpsc::UnboundedReceiver<Answer>>,
    known: watch::Sender<bool>,
}

impl Default for Answers {
    fn default() -> Self {
        let (sender, answers) = mpsc::unbounded_channel();
        Answers { sender, answers: Mutex::new(answers), known: watch::Sender::new(true) }
    }
}

impl Answers {
    pub fn put(&self, answer: Answer) {
        // The receiver is ours.
        let _ = self.sender.send(answer);
    }

    /// Nothing is judged from here on.
    pub fn wait(&self) {
        self.known.send_replace(false);
    }

    pub fn go_on(&self) {
        self.known.send_replace(true);
    }
}

/// Until told to stop and all is judged.
pub async fn judge(soak: Arc<Soak>) {
    let mut answers = soak.answers.answers.lock().await;
    let mut known = soak.answers.known.subscribe();
    let mut forget_at = Instant::now() + FORGET_EVERY;
    while !soak.tally.hopeless() {
        let next = tokio::time::timeout(FORGET_EVERY, answers.recv()).await;
        let _ = known.wait_for(|known| *known).await;
        match next {
            Ok(Some(answer)) => {
                let verdict = answer.judge(&soak.world);
                soak.tally.judged(&answer, verdict);
            }
            Ok(None) | Err(_) if *soak.stop.borrow() => return,
            Ok(None) | Err(_) => {}
        }
        if Instant::now() > forget_at {
            soak.world.histories().forget();
            forget_at = Instant::now() + FORGET_EVERY;
        }
    }
}
