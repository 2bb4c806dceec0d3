//! A request that says what shall happen → that; in place of the pipeline.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use rowcall::Error;
use rowcall::call::{Call, Notes, Served, Stage, Timed, Total};
use rowcall::contract::options::Reason;
use rowcall::contract::{self, Contract, Problem, Shape};
use rowcall::grpc::{Answers, Chunks};
use rowcall::pipeline::Answer;
use rowcall::plan::method::Kind;
use rowcall::plan::{Method, Plans, Refusal, Violation};
use rowcall::wire::Payload;
use tokio::sync::watch;

pub struct Script {
    pub plans: ArcSwap<Plans>,
    /// Calls that wait without end.
    pub hanging: watch::Sender<usize>,
    /// Lets every `hold` go.
    pub release: watch::Sender<bool>,
}

impl Script {
    pub fn new() -> Arc<Script> {
        Arc::new(Script {
            plans: ArcSwap::from_pointee(plans(chinook())),
            hanging: watch::Sender::new(0),
            release: watch::Sender::new(false),
        })
    }

    pub async fn hanging_are(&self, count: usize) {
        self.hanging.subscribe().wait_for(|hanging| *hanging == count).await.unwrap();
    }

    fn hang(&self) -> Hanging {
        self.hanging.send_modify(|hanging| *hanging += 1);
        Hanging(self.hanging.clone())
    }

    /// `size N`, `refuse`, `missing N`, `hang`, `hold`; else the request itself comes back.
    async fn play(&self, request: &str) -> Result<Payload, Error> {
        let (verb, number) = request.split_once(' ').unwrap_or((request, "0"));
        let number: usize = number.parse().unwrap();
        match verb {
            "size" => Ok(Payload::of(&vec![b'x'; number])),
            "missing" => {
                let names = (1..=number).map(|row| format!("tracks/{row}")).collect();
                Err(Error::Missing { kind: "chinook.example.com/Track".to_owned(), names })
            }
            "refuse" => Err(Error::Refused(refusal())),
            "hang" => {
                let _hanging = self.hang();
                std::future::pending().await
            }
            "hold" => {
                let _hanging = self.hang();
                let mut release = self.release.subscribe();
                release.wait_for(|release| *release).await.unwrap();
                Ok(Payload::of(b"released"))
            }
            echoed => Ok(Payload::of(echoed.as_bytes())),
        }
    }
}

struct Hanging(watch::Sender<usize>);

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.send_modify(|hanging| *hanging -= 1);
    }
}

impl Answers for Script {
    type Chunks = Scenes;

    fn plans(&self) -> Arc<Plans> {
        self.plans.load_full()
    }

    async fn unary(
        &self,
        _: &Arc<Plans>,
        method: &Arc<Method>,
        _: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> Result<Answer, Error> {
        if let Kind::Unfit(problems) = &method.kind {
            return Err(Error::Unfit { subject: method.path.clone(), problems: problems.clone().into() });
        }
        *notes = said();
        self.play(std::str::from_utf8(&request).unwrap()).await.map(Answer::from)
    }

    fn stream(self: &Arc<Self>, _: Arc<Plans>, _: Arc<Method>, _: Call, request: Bytes) -> Scenes {
        let lines = std::str::from_utf8(&request).unwrap().lines().map(str::to_owned).collect();
        Scenes { script: self.clone(), lines }
    }
}

/// One message per line of the request.
pub struct Scenes {
    script: Arc<Script>,
    lines: VecDeque<String>,
}

impl Chunks for Scenes {
    async fn next(&mut self) -> Option<Result<Payload, Error>> {
        let line = self.lines.pop_front()?;
        Some(self.script.play(&line).await)
    }

    fn notes(&self) -> Notes {
        said()
    }
}

fn said() -> Notes {
    let (since, time) = (std::time::Instant::now(), std::time::Duration::from_micros(2_400));
    let stages = vec![Timed { stage: Stage::Execute, since, time }];
    let served = Some(Served::Miss { standby: false });
    Notes {
        total: Some(Total::Exact(3_503)),
        truncated: vec!["tracks".to_owned()],
        stages,
        served,
        ..Notes::default()
    }
}

fn refusal() -> Refusal {
    let filter = "no field \"lenght\" in Track; did you mean \"length\"?";
    Refusal {
        violations: vec![
            Violation::new(Reason::FilterInvalid, "filter", filter).at(1),
            Violation::new(Reason::FieldInvalid, "page_size", "must not be negative"),
        ],
    }
}

pub fn chinook() -> Contract {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contracts/chinook"));
    contract::load(&contract::Source { paths: vec![folder] }).unwrap()
}

/// Every method as the contract has it, but for functions and queries, which do not fit.
pub fn plans(contract: Contract) -> Plans {
    let mut plans = Plans::new(Arc::new(contract), Vec::new());
    let contract = plans.contract.clone();
    for method in contract.services.iter().flat_map(|service| &service.methods) {
        let descriptor = &method.descriptor;
        let path = format!("/{}/{}", descriptor.parent_service().full_name(), descriptor.name());
        let kind = match method.shape.clone().unwrap() {
            Shape::Get { resource } => Kind::Get { resource },
            Shape::BatchGet { resource, rows } => Kind::BatchGet { resource, rows },
            Shape::List { resource, rows } => Kind::List { resource, rows },
            Shape::Stream { resource, rows } => Kind::Stream { resource, rows },
            Shape::Routine { .. } | Shape::Query { .. } => Kind::Unfit(vec![Problem {
                place: method.place.clone(),
                subject: descriptor.name().to_owned(),
                text: "function \"revenue\" does not exist".to_owned(),
            }]),
        };
        let (input, output) = (descriptor.input(), descriptor.output());
        plans.methods.insert(path.clone(), Arc::new(Method { path, input, output, kind }));
    }
    plans
}
