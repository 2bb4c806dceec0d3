//! Redis by TLS, with certificates that are looked at, and by password.

use std::path::PathBuf;

use rowcall::redis::Tls;

use super::*;
use crate::support::{Papers, free_port, papers};

/// A server that speaks TLS on a port beside, and asks for callers' certificates.
async fn secured(papers: &Papers) -> (crate::support::Redis, String) {
    let port = free_port();
    std::fs::write(papers.path("caller.pem"), &papers.caller.0).unwrap();
    std::fs::write(papers.path("caller.key"), &papers.caller.1).unwrap();
    let file = |name| papers.path(name).display().to_string();
    let arguments = [
        ["--tls-port", &port.to_string()],
        ["--tls-cert-file", &file("server.pem")],
        ["--tls-key-file", &file("server.key")],
        ["--tls-ca-cert-file", &file("root.pem")],
        ["--tls-auth-clients", "yes"],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect::<Vec<_>>();
    let started = tokio::task::spawn_blocking(move || {
        crate::support::Redis::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    (started.await.expect("it starts"), format!("rediss://localhost:{port}"))
}

fn tls(papers: &Papers) -> Tls {
    let file = |name| -> PathBuf { papers.path(name) };
    Tls { authorities: Some(file("root.pem")), identity: Some((file("caller.pem"), file("caller.key"))) }
}

#[tokio::test]
async fn entries_go_by_tls() {
    let papers = papers();
    let (_server, url) = secured(&papers).await;
    let redis = start(url, |settings| settings.tls = tls(&papers));
    reached(&redis, true).await;
    stored(&redis, &["Accept"]).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
}

#[tokio::test]
async fn a_server_of_another_authority_and_a_caller_without_a_certificate_are_not_answered() {
    let (papers, others) = (papers(), papers());
    let (server, url) = secured(&papers).await;
    let stranger = Tls { authorities: Some(others.path("root.pem")), ..tls(&papers) };
    let nameless = Tls { identity: None, ..tls(&papers) };
    for tls in [stranger, nameless] {
        let before = refused(&server);
        let redis = start(url.clone(), |settings| settings.tls = tls);
        let late = Instant::now() + LONG;
        // It tries again, and again.
        while refused(&server) < before + 3 {
            assert!(Instant::now() < late && !redis.status().answering);
            tokio::task::yield_now().await;
        }
        assert!(!redis.status().answering);
    }
}

fn refused(server: &crate::support::Redis) -> usize {
    let log = server.log();
    log.matches("Error accepting a client connection").count()
}

#[tokio::test]
async fn a_password_is_part_of_the_url_and_few_rights_are_enough() {
    let server =
        server(&["--user", "app", "on", ">s:cret", "~rowcall:*", "+getrange", "+set", "+client", "+ping"])
            .await;
    let redis = connected(format!("redis://app:s%3Acret@127.0.0.1:{}", server.port)).await;
    stored(&redis, &["Accept"]).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_said() {
    let refused = |change: fn(&mut Settings)| {
        let mut settings = Settings { urls: vec!["redis://localhost".to_owned()], ..Settings::default() };
        change(&mut settings);
        let error = Redis::start(settings).err().expect("it cannot be used");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        error.to_string()
    };
    for url in ["http://app:hunter2@localhost", "hunter2", "redis://app:hunter2@localhost/x"] {
        let error = Redis::start(Settings { urls: vec![url.to_owned()], ..Settings::default() });
        let error = error.err().expect("it cannot be used");
        assert!(error.to_string().contains("redis.url is not usable"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    assert!(refused(|settings| settings.urls = Vec::new()).contains("redis.url"));
    assert!(refused(|settings| settings.tls.authorities = Some("/nowhere".into())).contains("/nowhere"));
}
