//! A line → its two sides measured in turns, and the medians.

use anyhow::{Context as _, ensure};

use crate::arguments::Measure;
use crate::check;
use crate::cluster::{Database, Fsync};
use crate::keys::{self, Keys};
use crate::line::Line;
use crate::server::{More, Program, Server};
use crate::sharing::Sharing;
use crate::side::{Sample, Side};
use crate::stage::Stage;
use crate::writer::Writer;

const WARM_UP_SECONDS: u32 = 1;

/// What is kept grows in turns of so many seconds, until one adds less than half a hundredth.
const FILL_SECONDS: u32 = 2;
const FILL_MIN: f64 = 0.005;
const FILL_TURNS_MAX: usize = 20;

/// Where all that is asked for can be kept, so much of it is.
const HITS_MIN: f64 = 0.99;

/// Calls that are asked where their answers come from.
const ASKED_CALLS: usize = 2_000;

/// Keys that are updated meanwhile, again and again.
const UPDATED_KEYS: usize = 100_000;

/// What a line came to.
pub struct Outcome {
    /// Medians of each side.
    pub ours: f64,
    /// None where ours is measured by itself.
    pub peer: Option<f64>,
    /// The median of the ratios of each pair: what drifts in the machine is in both sides of a pair. Without a peer, ours.
    pub ratio: f64,
    /// The smallest and the largest of those.
    pub spread: (f64, f64),
    /// Of the measurement that had fewest; None where there are no keys.
    pub distinct_keys: Option<u64>,
    /// Medians of the bytes of one answer, where they are known.
    pub answer_bytes: (Option<f64>, Option<f64>),
    /// The median part that ours answered from what was kept.
    pub hits: Option<f64>,
    /// That psql made meanwhile.
    pub updates_per_second: Option<f64>,
    pub pairs: u32,
}

/// A side with whom it asks, and what its answers weigh.
struct Ready {
    side: Side,
    server: Option<Server>,
    sharing: Option<Sharing>,
    /// What it is told of its telemetry, for as long as it runs.
    _collector: Option<Server>,
    answer_bytes: Option<check::Weight>,
}

pub fn measure(stage: &Stage, line: &Line, measure: &Measure) -> anyhow::Result<Outcome> {
    prepare(stage, line.ours)?;
    // It takes from the cores whichever side is measured.
    let write = |per_second| Writer::start(&stage.cluster, keys::zipf(UPDATED_KEYS), per_second);
    let writer = line.updates_per_second.map(write).transpose()?;
    let mut ours = vec![Ready::start(stage, line.ours, &More::default())?];
    let first = ours[0].warm_up(stage)?;
    // As many bytes go over the wire, compressed or not.
    let page_bytes = first.answer_bytes.map_or(0, |bytes| (bytes - check::FRAME_BYTES).round() as usize);
    let more = More { page_bytes, ..More::default() };
    let start = |side: &Side| Ready::start(stage, *side, &more);
    let mut peer = line.peer.iter().map(start).collect::<anyhow::Result<Vec<_>>>()?;
    measure_all(stage, &mut peer, WARM_UP_SECONDS)?;
    for peer in peer.iter_mut().filter(|peer| peer.side.kept().is_some()) {
        peer.warm_up(stage)?;
    }
    let pairs = if matches!(line.ours, Side::Rest | Side::Gone) { 1 } else { measure.pairs };
    let (mut of_ours, mut of_peer) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        // Neither is always the first.
        if pair % 2 == 0 {
            of_ours.push(measure_all(stage, &mut ours, measure.seconds)?);
            of_peer.push(measure_all(stage, &mut peer, measure.seconds)?);
        } else {
            of_peer.push(measure_all(stage, &mut peer, measure.seconds)?);
            of_ours.push(measure_all(stage, &mut ours, measure.seconds)?);
        }
    }
    let values = |samples: &[Sample]| median(samples.iter().map(|sample| sample.value).collect());
    let known = |samples: &[Sample], of: fn(&Sample) -> Option<f64>| {
        let known: Vec<f64> = samples.iter().filter_map(of).collect();
        (!known.is_empty()).then(|| median(known))
    };
    let bytes = |samples: &[Sample]| known(samples, |sample| sample.answer_bytes);
    let alone = line.peer.is_empty();
    let pairs_of = of_ours.iter().zip(&of_peer);
    let ratios: Vec<f64> =
        pairs_of.map(|(ours, peer)| if alone { ours.value } else { ours.value / peer.value }).collect();
    Ok(Outcome {
        ours: values(&of_ours),
        peer: (!alone).then(|| values(&of_peer)),
        spread: (
            ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratios.iter().copied().fold(0.0, f64::max),
        ),
        ratio: median(ratios),
        distinct_keys: of_ours.iter().chain(&of_peer).filter_map(|sample| sample.distinct_keys).min(),
        answer_bytes: (bytes(&of_ours), bytes(&of_peer)),
        hits: known(&of_ours, |sample| sample.hits),
        updates_per_second: writer.map(|writer| writer.rate()).transpose()?,
        pairs,
    })
}

/// Writes are measured as they are made durable, on tables as tidy as each other.
fn prepare(stage: &Stage, ours: Side) -> anyhow::Result<()> {
    let Side::Updates { .. } = ours else { return stage.cluster.sync(Fsync::Off) };
    stage.cluster.sync(Fsync::On)?;
    for database in [Database::Plain, Database::Followed] {
        stage.cluster.psql(database, "VACUUM (ANALYZE) pgbench_accounts")?;
    }
    stage.cluster.psql(Database::Plain, "CHECKPOINT").map(drop)
}

/// One after the other, so that none takes from another's cores.
fn measure_all(stage: &Stage, sides: &mut [Ready], seconds: u32) -> anyhow::Result<Sample> {
    let mut sum = Sample { value: 0.0, distinct_keys: None, answer_bytes: None, hits: None };
    for ready in sides {
        let sample = ready.measure(stage, seconds)?;
        sum.value += sample.value;
        sum.distinct_keys = sum.distinct_keys.into_iter().chain(sample.distinct_keys).min();
        sum.answer_bytes = sum.answer_bytes.or(sample.answer_bytes);
        sum.hits = sum.hits.or(sample.hits);
    }
    Ok(sum)
}

impl Ready {
    fn start(stage: &Stage, side: Side, more: &More) -> anyhow::Result<Ready> {
        let start = |program, more: &More| stage.programs.start(program, &stage.cluster, more);
        let tells = side.program().is_some_and(Program::tells);
        let collector = tells.then(|| start(Program::Sink, more)).transpose()?;
        let more = &More { collector: collector.as_ref().map(|sink| sink.address), ..more.clone() };
        let server = side.program().map(|program| start(program, more)).transpose()?;
        let sharing = (side == Side::Restart).then(|| Sharing::start(stage)).transpose()?;
        let answer_bytes = check::check(stage, side, server.as_ref(), more.page_bytes)
            .with_context(|| format!("{side:?} does not answer as it should"))?;
        Ok(Ready { side, server, sharing, _collector: collector, answer_bytes })
    }

    /// What it answers in the end, when it has kept what it can.
    fn warm_up(&mut self, stage: &Stage) -> anyhow::Result<Sample> {
        if matches!(self.side, Side::Rest | Side::Gone) {
            return Ok(Sample { value: 0.0, distinct_keys: None, answer_bytes: None, hits: None });
        }
        let mut hits = -1.0;
        for _ in 0..FILL_TURNS_MAX {
            let sample = match &self.sharing {
                Some(sharing) => sharing.measure(stage, FILL_SECONDS, ASKED_CALLS)?,
                None if self.side.kept().is_some() => self.measure(stage, FILL_SECONDS)?,
                None => self.measure(stage, WARM_UP_SECONDS)?,
            };
            let Some(now) = sample.hits else { return Ok(sample) };
            if now < hits + FILL_MIN {
                let few = matches!(self.side.kept(), Some((_, Keys::Few)));
                ensure!(!few || now >= HITS_MIN, "only {now:.3} of the answers are kept");
                return Ok(sample);
            }
            hits = now;
        }
        anyhow::bail!("after {FILL_TURNS_MAX} turns, more and more is kept: {hits:.3}")
    }

    fn measure(&mut self, stage: &Stage, seconds: u32) -> anyhow::Result<Sample> {
        if let Some(sharing) = &mut self.sharing {
            let hits = sharing.measure(stage, FILL_SECONDS, ASKED_CALLS)?.hits;
            return Ok(Sample { hits, ..sharing.restart(stage, seconds)? });
        }
        let mut sample = self.side.measure(stage, self.server.as_ref(), seconds)?;
        if let (Some(weight), Some(bytes)) = (&self.answer_bytes, sample.answer_bytes) {
            let side = self.side;
            ensure!(weight.contains(&bytes), "{side:?}: {bytes} bytes an answer, not {weight:?}: errors?");
        }
        if let (Some((method, keys)), Some(server)) = (self.side.kept(), &self.server) {
            let some = method.pool(stage, keys).some(ASKED_CALLS)?;
            sample.hits = Some(stage.client.hits(server.address, method.name(), some)?);
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
