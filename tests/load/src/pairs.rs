//! A line → its two sides measured in turns, and the medians.

use anyhow::{Context as _, ensure};

use crate::arguments::Measure;
use crate::check;
use crate::line::Line;
use crate::server::Server;
use crate::side::{Sample, Side};
use crate::stage::Stage;

const WARM_UP_SECONDS: u32 = 1;

/// What a line came to.
pub struct Outcome {
    /// Medians of each side.
    pub ours: f64,
    pub peer: f64,
    /// The median of the ratios of each pair: what drifts in the machine is in both sides of a pair.
    pub ratio: f64,
    /// The smallest and the largest of those ratios.
    pub spread: (f64, f64),
    /// Of the measurement that had fewest; None where there are no keys.
    pub distinct_keys: Option<u64>,
    /// Medians of the bytes of one answer, where they are known.
    pub answer_bytes: (Option<f64>, Option<f64>),
}

/// A side with whom it asks, and what its answers weigh.
struct Ready {
    side: Side,
    server: Option<Server>,
    answer_bytes: Option<check::Weight>,
}

pub fn measure(stage: &Stage, line: &Line, measure: &Measure) -> anyhow::Result<Outcome> {
    let mut ours = vec![Ready::start(stage, line.ours)?];
    let mut peer =
        line.peer.iter().map(|side| Ready::start(stage, *side)).collect::<anyhow::Result<Vec<_>>>()?;
    measure_all(stage, &mut ours, WARM_UP_SECONDS)?;
    measure_all(stage, &mut peer, WARM_UP_SECONDS)?;
    let (mut of_ours, mut of_peer) = (Vec::new(), Vec::new());
    for pair in 0..measure.pairs {
        // Neither is always the first.
        if pair % 2 == 0 {
            of_ours.push(measure_all(stage, &mut ours, measure.seconds)?);
            of_peer.push(measure_all(stage, &mut peer, measure.seconds)?);
        } else {
            of_peer.push(measure_all(stage, &mut peer, measure.seconds)?);
            of_ours.push(measure_all(stage, &mut ours, measure.seconds)?);
        }
    }
    let ratios: Vec<f64> = of_ours.iter().zip(&of_peer).map(|(ours, peer)| ours.value / peer.value).collect();
    let values = |samples: &[Sample]| median(samples.iter().map(|sample| sample.value).collect());
    let bytes = |samples: &[Sample]| {
        let known: Vec<f64> = samples.iter().filter_map(|sample| sample.answer_bytes).collect();
        (!known.is_empty()).then(|| median(known))
    };
    Ok(Outcome {
        ours: values(&of_ours),
        peer: values(&of_peer),
        spread: (
            ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratios.iter().copied().fold(0.0, f64::max),
        ),
        ratio: median(ratios),
        distinct_keys: of_ours.iter().chain(&of_peer).filter_map(|sample| sample.distinct_keys).min(),
        answer_bytes: (bytes(&of_ours), bytes(&of_peer)),
    })
}

/// One after the other, so that none takes from another's cores.
fn measure_all(stage: &Stage, sides: &mut [Ready], seconds: u32) -> anyhow::Result<Sample> {
    let mut sum = Sample { value: 0.0, distinct_keys: None, answer_bytes: None };
    for ready in sides {
        let sample = ready.measure(stage, seconds)?;
        sum.value += sample.value;
        sum.distinct_keys = sum.distinct_keys.into_iter().chain(sample.distinct_keys).min();
        sum.answer_bytes = sum.answer_bytes.or(sample.answer_bytes);
    }
    Ok(sum)
}

impl Ready {
    fn start(stage: &Stage, side: Side) -> anyhow::Result<Ready> {
        let server =
            side.program().map(|program| stage.programs.start(program, &stage.cluster)).transpose()?;
        let answer_bytes = check::check(stage, side, server.as_ref())
            .with_context(|| format!("{side:?} does not answer as it should"))?;
        Ok(Ready { side, server, answer_bytes })
    }

    fn measure(&self, stage: &Stage, seconds: u32) -> anyhow::Result<Sample> {
        let sample = self.side.measure(stage, self.server.as_ref(), seconds)?;
        if let (Some(weight), Some(bytes)) = (&self.answer_bytes, sample.answer_bytes) {
            let side = self.side;
            ensure!(weight.contains(&bytes), "{side:?}: {bytes} bytes an answer, not {weight:?}: errors?");
        }
        Ok(sample)
    }
}

/// Of an even number, the mean of the two in the middle; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len(), values.len() % 2) {
        (0, _) => f64::NAN,
        (_, 1) => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
