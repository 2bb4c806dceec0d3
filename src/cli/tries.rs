//! Where something listens → the grpcurl lines to try there.

use std::net::SocketAddr;

use super::banner::Security;

/// What there is to try with the example; the flags stand before the address, the rest after it.
const EXAMPLE: &[(&str, &str)] = &[
    ("", "describe example.v1.Bike"),
    (r#"-d '{"page_size": 2}'"#, "example.v1.NetworkService/ListStations"),
    (
        r#"-d '{"filter": "charge > 90 AND telemetry.firmware = \"2.2.2\"", "page_size": 2}'"#,
        "example.v1.FleetService/ListBikes",
    ),
    (
        r#"-H 'rowcall-read-mask: title,zone_detail.title' -d '{"name": "stations/35"}'"#,
        "example.v1.NetworkService/GetStation",
    ),
    (r#"-d '{"season": 2026, "riders_max": 3}'"#, "example.v1.RiderService/RankRiders"),
    (r#"-d '{"parent": "seasons/2026", "chunk_size": 500}'"#, "example.v1.RiderService/StreamTrips"),
];

/// For any contract.
pub fn list(security: Security, address: SocketAddr) -> String {
    format!("grpcurl {} {address} list", flags(security))
}

/// For the example.
pub fn example(address: SocketAddr) -> Vec<String> {
    let flags = flags(Security::Plaintext);
    let line = |(data, method): &(&str, &str)| {
        let gap = if data.is_empty() { "" } else { " " };
        format!("grpcurl {flags}{gap}{data} {address} {method}")
    };
    [list(Security::Plaintext, address)].into_iter().chain(EXAMPLE.iter().map(line)).collect()
}

/// What grpcurl has to be told. Certificates of one's own are seldom in the system's list.
fn flags(security: Security) -> &'static str {
    match security {
        Security::Plaintext => "-plaintext",
        Security::Tls => "-insecure",
        Security::MutualTls => "-insecure -cert CERTIFICATE -key KEY",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use prost_reflect::MethodDescriptor;

    use super::*;
    use crate::contract::{self, Contract, Source};
    use crate::embedded;
    use crate::wire::{self, UnknownKeys};

    fn method(contract: &Contract, name: &str) -> Option<MethodDescriptor> {
        let (service, method) = name.split_once('/')?;
        let service = contract.pool.get_service_by_name(service)?;
        service.methods().find(|found| found.name() == method)
    }

    #[test]
    fn every_line_is_a_call_of_the_example() {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in embedded::example().0 {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let contract =
            contract::load(&Source { paths: vec![folder.path().into()] }).expect("the example loads");
        for (data, name) in EXAMPLE {
            if let Some(message) = name.strip_prefix("describe ") {
                assert!(contract.pool.get_message_by_name(message).is_some(), "{message}");
                continue;
            }
            let method = method(&contract, name).unwrap_or_else(|| panic!("no method {name}"));
            let (_, json) = data.split_once("-d '").expect(data);
            let json = json.strip_suffix('\'').expect(data);
            wire::message_from_json(&method.input(), json, UnknownKeys::Refused).expect(json);
        }
    }

    #[test]
    fn readme_has_the_examples_lines() {
        let readme = include_str!("../../README.md");
        let address = SocketAddr::from(([127, 0, 0, 1], 50051));
        let lines = example(address).join("\n");
        assert!(readme.contains(&lines), "README.md should have:\n{lines}");
    }
}
