//! A Redis of a test's own, for as long as it is held.
//!
//! As with Postgres, a shell watches a pipe of ours, so that nothing outlives this process.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue};
use rustix::process::{Pid, Signal, kill_process};

use super::cluster::free_port;

pub struct Redis {
    pub port: u16,
    folder: PathBuf,
    watcher: Child,
}

const START_MAX: Duration = Duration::from_secs(60);

const WATCH: &str = r#"
start() {
    rm -f "$FOLDER/pid"
    redis-server --port "$PORT" --bind 127.0.0.1 --save "" --appendonly no --dir "$FOLDER" "$@" >>"$FOLDER/log" 2>&1 &
    echo $! >"$FOLDER/new"
    mv "$FOLDER/new" "$FOLDER/pid"
}
start "$@"
while read -r _; do
    wait
    start "$@"
done
kill -9 $! 2>/dev/null
wait
cd / && rm -rf "$FOLDER"
"#;

impl Redis {
    /// With arguments of redis-server's. Blocks until it listens.
    pub fn start(arguments: &[&str]) -> Redis {
        let folder = tempfile::Builder::new().prefix("rowcall-redis-").tempdir().expect("a folder").keep();
        let port = free_port();
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .args(arguments)
            .env("FOLDER", &folder)
            .env("PORT", port.to_string())
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell starts");
        let redis = Redis { port, folder, watcher };
        redis.listens();
        redis
    }

    fn listens(&self) {
        let late = Instant::now() + START_MAX;
        let told = || fs::exists(self.folder.join("pid")).is_ok_and(|told| told);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() || !told() {
            assert!(
                Instant::now() < late,
                "Redis does not listen (apt-get install redis-server): {}",
                self.log()
            );
            std::thread::yield_now();
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// It answers nobody from here on, until it is told to go on.
    pub fn stop(&self) {
        self.signal(Signal::STOP, &["T"]);
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT, &["S", "R"]);
    }

    /// kill -9; what it had is lost.
    pub fn kill(&self) {
        self.signal(Signal::KILL, &["Z", ""]);
    }

    /// A signal is taken some time after it is sent: waits for one of these states of the process, "" for none.
    fn signal(&self, signal: Signal, states: &[&str]) {
        let file = fs::read_to_string(self.folder.join("pid")).expect("it was started");
        let id = file.trim().parse().ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("it is ours");
        let state = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", file.trim())).unwrap_or_default();
            stat.rsplit(") ").next().and_then(|rest| rest.split(' ').next()).unwrap_or_default().to_owned()
        };
        let late = Instant::now() + START_MAX;
        while !states.contains(&&*state()) {
            assert!(Instant::now() < late, "{signal:?} is not taken: {}", state());
            std::thread::yield_now();
        }
    }

    /// After `kill`, on the same port. Blocks until it listens.
    pub fn restart(&mut self) {
        let pipe = self.watcher.stdin.as_mut().expect("stdin is piped");
        writeln!(pipe, "again").expect("the shell reads");
        self.listens();
    }

    /// A connection beside Rowcall's.
    pub fn connect(&self) -> Connection {
        let client = redis::Client::open(self.url()).expect("a good URL");
        client.get_connection().expect("it listens")
    }

    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut asked = redis::Cmd::new();
        command.iter().for_each(|word| {
            asked.arg(*word);
        });
        asked.query(&mut self.connect()).expect("it answers")
    }

    /// How often a command ran.
    pub fn calls(&self, command: &str) -> usize {
        let stats: String = self.ask(&["INFO", "commandstats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    }
}
