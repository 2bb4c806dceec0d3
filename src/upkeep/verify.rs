//! A kept answer that was served → read again at the primary, now and then, and compared.
//!
//! ```text
//! hit ──one in so many──► queue, bounded ──► read again ──same──► counted
//!                                                 │ other
//!                                                 ▼
//!                             a poll from after it ──► judged again ──not good──► something changed meanwhile
//!                                                            │ still good
//!                                                            ▼
//!                       a change was not heard of: counted, logged, and nothing of its tables is kept any more
//! ```
//!
//! It proves nothing; it finds what nobody thought of: a trigger that somebody has emptied, a clock that lies, a mistake of ours.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::pipeline::{Compared, Pipeline, Sample};

/// A sample whose feed or database does not answer in time says nothing.
const SAMPLE_MAX: Duration = Duration::from_secs(10);

/// Never returns, as long as there is a cache to be looked after.
pub async fn run(pipeline: Arc<Pipeline>) {
    while let Some(sample) = pipeline.sampled().await {
        let compared = timeout(SAMPLE_MAX, pipeline.compare(&sample)).await;
        if let Ok(Compared::Other) = compared {
            tell(&pipeline, &sample);
        }
    }
}

fn tell(pipeline: &Pipeline, sample: &Sample) {
    let method = sample.method.path.trim_start_matches('/');
    tracing::error!(
        method,
        "a kept answer was served that the database does not give, and no change was heard of: answers of its tables are \
         not kept any more until Rowcall is started again; see whether the triggers of `rowcall migrate` do what they did"
    );
    pipeline.distrust(sample);
}
