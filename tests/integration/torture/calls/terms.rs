//! How a call is made: until when, and whether its caller stays.

use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;

/// Of a call, and of each chunk of a stream, that has none of its own.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);

/// How a call is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    pub deadline: Option<Duration>,
    /// The caller goes, whatever came by then.
    pub leaves: Option<Duration>,
    /// When the first of the calls was made whose token this one has.
    pub since: Option<Instant>,
}

impl Terms {
    pub fn draw(dice: &mut StdRng) -> Terms {
        let deadline = match dice.random_range(0..10) {
            0 => Some(dice.random_range(1..60)),
            1 | 2 => Some(dice.random_range(500..3_000)),
            3 | 4 => Some(dice.random_range(6_000..20_000)),
            _ => None,
        };
        let leaves = dice.random_bool(0.07).then(|| dice.random_range(0..60));
        let (deadline, leaves) = (deadline.map(Duration::from_millis), leaves.map(Duration::from_millis));
        Terms { deadline, leaves, since: None }
    }

    pub fn deadline(self) -> Duration {
        self.deadline.unwrap_or(DEADLINE_DEFAULT)
    }

    /// For the metadata.
    pub fn timeout(self) -> Option<String> {
        Some(format!("{}m", self.deadline?.as_millis()))
    }
}
