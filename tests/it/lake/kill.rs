//! `kill -9` at a random point of an import: the lake is at the old version or at the new one.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cidadao::lake::{Lake, verify};
use cidadao::store::{Store, StoreOptions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{CONTRACTS, House, ITEMS, contract, item};
use crate::binary::{cidadao, ok};

const KILLS: usize = 50;
const CONTRACTS_A_MONTH: usize = 300;

/// Writes edition `edition` of two files: every contract is worth the number of the edition in cents, so that
/// a sum tells which editions it is made of.
fn write(house: &House, edition: usize) {
    let worth = format!("0,{edition:02}");
    let of = |n: usize| contract(&n.to_string(), "Café", "Pregão", "10/01/2024", "33000167000101", [&worth, &worth]);
    house.put("202401_Compras.csv", CONTRACTS, &(0..CONTRACTS_A_MONTH).map(of).collect::<Vec<_>>());
    let of = |n: usize| item(&n.to_string(), &format!("edição {edition}"));
    house.put("202401_ItemCompra.csv", ITEMS, &(0..CONTRACTS_A_MONTH).map(of).collect::<Vec<_>>());
}

/// What the lake of a data directory shows: its version, its contracts and items by edition.
async fn state(data: &Path) -> (i64, Vec<String>) {
    let store =
        Store::connect(&StoreOptions::new(format!("sqlite:{}", data.join("cidadao.db").display()))).await.unwrap();
    let lake = Lake::new(data.join("lake"), store.clone());
    let snapshot = lake.snapshot(None).await.unwrap();
    let checked = verify(&snapshot, &|_| {});
    assert_eq!(checked.defects, [], "every file of the version is whole");
    let house = House { directory: tempfile::tempdir().unwrap(), store, lake };
    let rows = house
        .lines(
            "SELECT CAST(initial_value * 100 AS BIGINT) AS edition, count(*) FROM contracts_all GROUP BY 1 UNION ALL
             SELECT CAST(substr(description, 8) AS BIGINT), count(*) FROM contract_items_all GROUP BY 1",
        )
        .await;
    (snapshot.version(), rows)
}

#[tokio::test]
async fn an_import_that_is_killed_leaves_the_old_version_or_the_new_one() {
    let house = House::new().await;
    let data = house.directory.path().join("data");
    let import = || {
        let mut command = cidadao(&data);
        command.arg("import").arg(house.input());
        command
    };
    write(&house, 0);
    ok(&import().output().unwrap());
    write(&house, 1);
    let begun = Instant::now();
    ok(&import().output().unwrap());
    let usual = begun.elapsed();
    let whole = |edition: usize| vec![format!("{edition}|{CONTRACTS_A_MONTH}"); 2];
    let (mut version, mut edition) = (2, 1);
    assert_eq!(state(&data).await, (version, whole(edition)));
    let mut rng = StdRng::seed_from_u64(9);
    let mut outcomes = [0; 2];
    // How busy the machine is changes meanwhile: half of the kills are to come before the commit.
    let mut longest = usual.mul_f64(1.5);
    for kill in 0..KILLS {
        let next = kill + 2;
        write(&house, next);
        let mut child = import().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(longest.mul_f64(rng.random_range(0.05..1.0)));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        let (now, rows) = state(&data).await;
        if now == version {
            assert_eq!(rows, whole(edition), "kill {kill}: the old version, whole");
            outcomes[0] += 1;
            longest = longest.mul_f64(1.1);
        } else {
            assert_eq!((now, rows), (version + 1, whole(next)), "kill {kill}: the new version, whole");
            (version, edition) = (now, next);
            outcomes[1] += 1;
            longest = longest.mul_f64(0.9);
        }
    }
    println!("old {}, new {} of {KILLS}; one import takes {usual:?}", outcomes[0], outcomes[1]);
    assert!(outcomes.iter().all(|times| *times > 0), "{outcomes:?}: some before the commit, some after");
    // Whatever was left behind, the next import goes through.
    write(&house, 99);
    ok(&import().output().unwrap());
    assert_eq!(state(&data).await, (version + 1, whole(99)));
    let leftovers = walk(&data.join("lake"));
    assert!(leftovers < 4 * KILLS, "at most the files of an import are left by a kill: {leftovers}");
    assert!(usual < Duration::from_secs(30), "{usual:?}");
}

fn walk(directory: &Path) -> usize {
    let tables = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    tables.map(|table| fs::read_dir(table).unwrap().count()).sum()
}

#[tokio::test]
async fn an_import_that_is_interrupted_says_so_and_leaves_nothing() {
    let house = House::new().await;
    let data = house.directory.path().join("data");
    let of = |n: usize| contract(&n.to_string(), "Café", "Pregão", "10/01/2024", "33000167000101", ["0,01", "0,01"]);
    house.put("202401_Compras.csv", CONTRACTS, &(0..60_000).map(of).collect::<Vec<_>>());
    for signal in ["-INT", "-TERM"] {
        let mut command = cidadao(&data);
        command.arg("import").arg(house.input());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while !data.join("lake/contracts").is_dir() || walk(&data.join("lake")) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "it never began to write");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(130), "{told}");
        assert!(told.contains("interrupted: nothing was taken in, the lake is at version 0"), "{told}");
        assert_eq!(walk(&data.join("lake")), 0, "{signal}");
    }
    ok(&cidadao(&data).arg("import").arg(house.input()).output().unwrap());
    assert_eq!(walk(&data.join("lake")), 1);
}
