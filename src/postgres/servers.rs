//! A primary and its standbys → where a read goes, and where it goes next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Postgres;
use super::elsewhere::Failure;
use super::error::Error;
use super::hedge::hedge;
use super::lookout::Watch;
use super::session::{Session, Want};
use super::settings::{Replicas, Settings};
use super::standby::{Found, Standby};

/// Where reads can go; clones share the pools.
#[derive(Clone)]
pub struct Servers {
    inner: Arc<Inner>,
}

struct Inner {
    primary: Postgres,
    standbys: Box<[Standby]>,
    patience: Duration,
    /// Ends with this.
    watching: Mutex<JoinSet<()>>,
}

/// One of them, as a read is sent there.
#[derive(Clone)]
pub enum Server {
    Primary(Postgres),
    Standby(Standby),
}

impl Server {
    /// A connection for one call; see `Postgres::session` and `Standby::session`.
    pub async fn session(&self, want: Want) -> Result<Session, Error> {
        match self {
            Server::Primary(primary) => primary.session(want).await,
            Server::Standby(standby) => standby.session(want).await,
        }
    }

    /// Tells one from another, for as long as they live.
    pub fn id(&self) -> usize {
        match self {
            Server::Primary(primary) => primary.id(),
            Server::Standby(standby) => standby.postgres().id(),
        }
    }

    pub fn is_standby(&self) -> bool {
        matches!(self, Server::Standby(_))
    }
}

impl Servers {
    /// Reads all URLs, and begins to connect; does not wait for it. Call it within a tokio runtime. The error
    /// says what is wrong with a URL.
    pub fn new(primary: Settings, replicas: Replicas) -> Result<Servers, Error> {
        let Replicas { standbys, patience, watch_interval, lag_max } = replicas;
        let mut watch = Watch::new(&primary, watch_interval, lag_max)?;
        let primary = Postgres::new(primary)?;
        let standbys = standbys.into_iter().map(|settings| {
            let standby = Standby::new(Postgres::new(settings.clone())?, watch_interval);
            watch.over(&standby, settings)?;
            Ok::<_, Error>(standby)
        });
        let standbys = standbys.collect::<Result<_, _>>()?;
        Ok(Servers { inner: Arc::new(Inner { primary, standbys, patience, watching: watch.start().into() }) })
    }

    /// No standbys.
    pub fn alone(primary: Postgres) -> Servers {
        let (standbys, patience) = (Box::default(), Duration::MAX);
        Servers { inner: Arc::new(Inner { primary, standbys, patience, watching: Mutex::default() }) }
    }

    pub fn primary(&self) -> &Postgres {
        &self.inner.primary
    }

    pub fn standbys(&self) -> &[Standby] {
        &self.inner.standbys
    }

    /// What servers are asked beside a read whose snapshot is told (`Seen::witness`): expressions of SQL, of whatever type,
    /// for a primary and for a standby. Transaction ids repeat after a failover, so a snapshot says nothing to those who count
    /// in another history of the database. A row that was written in a life of the primary, and is seen before the rows are
    /// read, shows that the server is in that life: not a standby that follows a lost primary, nor that primary itself.
    pub fn witness(&self, primary: &str, standby: &str) {
        self.primary().witness(primary);
        self.standbys().iter().for_each(|of| of.postgres().witness(standby));
    }

    /// The least busy standby that is ready, has a connection to give, and is what is wanted; any of them when
    /// several are as busy.
    pub fn standby(&self, wanted: impl Fn(&Found) -> bool) -> Option<&Standby> {
        let mut least: Option<(&Standby, (usize, usize))> = None;
        let mut ties = 1;
        for standby in self.standbys() {
            let (used, max) = standby.load();
            if used >= max || !standby.fits(&wanted) {
                continue;
            }
            let order = least.map_or(std::cmp::Ordering::Less, |(_, (u, m))| (used * m).cmp(&(u * max)));
            let take = match order {
                std::cmp::Ordering::Less => {
                    ties = 1;
                    true
                }
                std::cmp::Ordering::Equal => {
                    ties += 1;
                    rand::random_range(0..ties) == 0
                }
                std::cmp::Ordering::Greater => false,
            };
            if take {
                least = Some((standby, (used, max)));
            }
        }
        least.map(|(standby, _)| standby)
    }

    /// Reads at a standby that is `wanted`, and at the primary when there is none; when the standby fails and another server
    /// may answer; and beside it when it has said nothing for `patience`, or for half of the time there is, counted from
    /// when it was asked. The first good answer is the answer, and what is still under way is dropped.
    ///
    /// `read` judges what it reads: an answer that is not fresh enough is a failure with `Elsewhere::TooOld`.
    pub async fn read<T, E: Failure, R>(
        &self,
        deadline: Instant,
        wanted: impl Fn(&Found) -> bool,
        read: impl Fn(Server) -> R,
    ) -> Result<T, E>
    where
        R: Future<Output = Result<T, E>>,
    {
        let second = || read(Server::Primary(self.primary().clone()));
        let Some(standby) = self.standby(wanted) else { return second().await };
        let first = async {
            let ended = read(Server::Standby(standby.clone())).await;
            ended.inspect_err(|error| standby.blame(error.elsewhere()))
        };
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        hedge(tokio::time::sleep(self.inner.patience.min(half)), first, || standby.doubt(), second).await
    }

    /// Takes no more sessions, and waits for those there are, as `Postgres::close` does.
    pub async fn close(&self) {
        self.inner.watching.lock().await.shutdown().await;
        let standbys = self.standbys().iter().map(|standby| standby.postgres().close());
        futures_util::future::join(futures_util::future::join_all(standbys), self.primary().close()).await;
    }
}
