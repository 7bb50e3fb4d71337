//! The Cardinal drop-in over generated OCDS JSON Lines beside a bare SIMD parse of the same file, and beside the reference's
//! own `coverage()` where Python has it. All run on the file in turn, in one run, so that ratios hold on any machine.
//!
//! `CIDADAO_BIN` is the binary to measure (the one of this build without it), `MEGABYTES` the size of the file (1000),
//! `ROUNDS` how often each runs (3, the best counts), `CARDINAL_PYTHON` a Python that has `ocdscardinal`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use cidadao::model::Random;

const SETTINGS: &str = "\
currency = BRL
[R003]
[R018]
[R024]
[R025]
[R028]
[R030]
[R035]
[R036]
[R038]
[R048]
[R058]
";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

const GOODS: [&str; 6] = [
    "Aquisição de material de expediente para as unidades administrativas",
    "Contratação de empresa especializada em manutenção predial preventiva e corretiva",
    "Registro de preços para futura e eventual aquisição de gêneros alimentícios",
    "Prestação de serviços contínuos de limpeza, conservação e higienização",
    "Aquisição de equipamentos de informática com garantia de 36 meses \\\"on-site\\\"",
    "Serviços de engenharia para reforma da Escola Municipal São João",
];

/// A compiled release of about 5 kB.
fn release(line: &mut String, random: &mut Random, number: u64) -> std::fmt::Result {
    let organizations = 40_000;
    let day = 1 + random.below(27);
    let month = 1 + random.below(11);
    let cents = 1_000_000 + random.below(500_000_000);
    let title = random.pick(&GOODS);
    let method = random.pick(&["open", "open", "selective", "limited", "direct"]);
    let details = random.pick(&["Pregão Eletrônico", "Concorrência", "Dispensa de Licitação", "Tomada de Preços"]);
    let buyer = random.below(3_000);
    let bids = 1 + random.below(5);
    let start = random.below(organizations);
    let tenderer = |bid: u64| format!("BR-CNPJ-{:014}", (start + bid * 37) % organizations * 1_000_000 + 101);
    let money = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    line.clear();
    write!(
        line,
        r#"{{"ocid":"ocds-8bz0hl-{number:010}","id":"{number:010}-2024-{month:02}","date":"2024-{month:02}-{day:02}T12:30:00-03:00","tag":["compiled"],"initiationType":"tender","language":"pt","parties":[{{"id":"BR-SIAFI-{buyer:06}","name":"Prefeitura Municipal de Município {buyer}","identifier":{{"scheme":"BR-SIAFI","id":"{buyer:06}","legalName":"Município {buyer}"}},"address":{{"streetAddress":"Praça da Matriz, {day}","locality":"Município {buyer}","region":"São Paulo","postalCode":"{:05}-000","countryName":"Brasil"}},"contactPoint":{{"name":"Comissão Permanente de Licitação","email":"licitacao{buyer}@example.org","telephone":"+55 11 4002-{:04}"}},"roles":["buyer","procuringEntity"]}}"#,
        random.below(100_000),
        random.below(10_000),
    )?;
    for bid in 0..bids {
        let id = tenderer(bid);
        write!(
            line,
            r#",{{"id":"{id}","name":"Empresa {id} Comércio e Serviços Ltda","identifier":{{"scheme":"BR-CNPJ","id":"{id}","legalName":"Empresa {id} Comércio e Serviços Ltda"}},"address":{{"streetAddress":"Avenida Brasil, {}","locality":"Campinas","region":"São Paulo","countryName":"Brasil"}},"roles":["tenderer"{}]}}"#,
            random.below(9_999),
            if bid == 0 { r#","supplier""# } else { "" },
        )?;
    }
    write!(
        line,
        r#"],"buyer":{{"id":"BR-SIAFI-{buyer:06}","name":"Prefeitura Municipal de Município {buyer}"}},"tender":{{"id":"{number}","title":"{title}","description":"{title}, conforme condições, quantidades e exigências estabelecidas no edital e seus anexos.","status":"complete","procuringEntity":{{"id":"BR-SIAFI-{buyer:06}","name":"Prefeitura Municipal de Município {buyer}"}},"value":{{"amount":{},"currency":"BRL"}},"procurementMethod":"{method}","procurementMethodDetails":"{details}","mainProcurementCategory":"goods","awardCriteria":"priceOnly","submissionMethod":["electronicSubmission"],"tenderPeriod":{{"startDate":"2024-{month:02}-{day:02}T08:00:00-03:00","endDate":"2024-{:02}-{day:02}T09:00:00-03:00"}},"hasEnquiries":false,"numberOfTenderers":{bids},"documents":["#,
        money(cents),
        month + random.below(2),
    )?;
    for document in 0..3 {
        let comma = if document == 0 { "" } else { "," };
        write!(
            line,
            r#"{comma}{{"id":"{number}-{document}","documentType":"tenderNotice","title":"Edital {number}/{document}","url":"https://licitacoes.example.org/editais/2024/{number}/{document}.pdf","format":"application/pdf","datePublished":"2024-{month:02}-{day:02}T08:00:00-03:00"}}"#,
        )?;
    }
    line.push_str(r#"]},"bids":{"details":["#);
    for bid in 0..bids {
        let comma = if bid == 0 { "" } else { "," };
        let status = if bid > 0 && random.below(6) == 0 { "disqualified" } else { "valid" };
        let amount = cents + bid * random.below(cents / 20);
        let id = tenderer(bid);
        write!(
            line,
            r#"{comma}{{"id":"{number}-{bid}","date":"2024-{month:02}-{:02}T08:59:00-03:00","status":"{status}","tenderers":[{{"id":"{id}","name":"Empresa {id} Comércio e Serviços Ltda"}}],"value":{{"amount":{},"currency":"BRL"}}}}"#,
            1 + random.below(28),
            money(amount),
        )?;
    }
    let winner = tenderer(0);
    write!(
        line,
        r#"]}},"awards":[{{"id":"{number}-a","title":"{title}","status":"active","date":"2024-{month:02}-28T10:00:00-03:00","value":{{"amount":{},"currency":"BRL"}},"suppliers":[{{"id":"{winner}","name":"Empresa {winner} Comércio e Serviços Ltda"}}],"items":["#,
        money(cents),
    )?;
    for item in 0..2 + random.below(3) {
        let comma = if item == 0 { "" } else { "," };
        write!(
            line,
            r#"{comma}{{"id":"{item}","description":"Item {item}: {}","classification":{{"scheme":"CATMAT","id":"{:08}","description":"Classe de material"}},"quantity":{},"unit":{{"name":"unidade","value":{{"amount":{},"currency":"BRL"}}}}}}"#,
            random.pick(&GOODS),
            random.below(100_000_000),
            1 + random.below(1_000),
            money(random.below(1_000_000)),
        )?;
    }
    write!(
        line,
        r#"]}}],"contracts":[{{"id":"{number}-c","awardID":"{number}-a","title":"{title}","status":"active","period":{{"startDate":"2024-{month:02}-28T00:00:00-03:00","endDate":"2025-{month:02}-28T00:00:00-03:00"}},"value":{{"amount":{},"currency":"BRL"}},"dateSigned":"2024-{month:02}-28T00:00:00-03:00"}}]}}"#,
        money(cents),
    )?;
    line.push('\n');
    Ok(())
}

fn generate(path: &Path, bytes: u64) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random::new(2024, 0);
    let mut line = String::new();
    let (mut written, mut releases) = (0, 0);
    while written < bytes {
        release(&mut line, &mut random, releases)?;
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
        releases += 1;
    }
    out.flush()?;
    Ok((written, releases))
}

/// The whole file through the parser on all cores, nothing taken from it; the number of lines.
fn bare_parse(path: &Path) -> u64 {
    let input = Mutex::new((File::open(path).expect("the generated file"), Vec::new()));
    let work = || {
        let (mut block, mut lines) = (Vec::new(), 0);
        let mut buffers = simd_json::Buffers::default();
        loop {
            {
                let mut input = input.lock().expect("no panic");
                let (file, rest) = &mut *input;
                block.clear();
                block.append(rest);
                Read::take(&mut *file, 1 << 20).read_to_end(&mut block).expect("readable");
                let end = block.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                rest.extend_from_slice(&block[end..]);
                block.truncate(end);
            }
            if block.is_empty() {
                return lines;
            }
            for line in block.split_mut(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let mut tape = simd_json::Tape::null();
                simd_json::fill_tape(line, &mut buffers, &mut tape).expect("JSON");
                lines += u64::from(!tape.0.is_empty());
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    })
}

/// Does the work once; whether it succeeded.
type Measure<'m> = Box<dyn Fn() -> bool + 'm>;

fn run(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::inherit()).status().is_ok_and(|status| status.success())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `cargo test --benches` runs this too: there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("releases.jsonl");
    let settings = directory.path().join("settings.ini");
    std::fs::write(&settings, SETTINGS)?;
    let (bytes, releases) = generate(&file, number("MEGABYTES", 1_000) * 1_000_000)?;
    writeln!(std::io::stdout(), "{releases} releases, {:.0} MB, {} bytes each", bytes as f64 / 1e6, bytes / releases)?;
    let binary =
        std::env::var_os("CIDADAO_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_cidadao")), PathBuf::from);
    let python = std::env::var_os("CARDINAL_PYTHON");
    let path = file.as_path();
    let script = "import ocdscardinal, sys; ocdscardinal.coverage(sys.argv[1])";
    let mut measured: Vec<(&str, Measure<'_>)> = vec![
        ("bare SIMD parse", Box::new(|| bare_parse(&file) == releases)),
        (
            "indicators, all eleven",
            Box::new(|| run(Command::new(&binary).args(["cardinal", "indicators", "-s"]).arg(&settings).arg(&file))),
        ),
        ("coverage", Box::new(|| run(Command::new(&binary).args(["cardinal", "coverage"]).arg(&file)))),
        (
            "import into a lake",
            Box::new(|| {
                // A lake of its own each time: what is there already would be left out.
                tempfile::tempdir_in(directory.path()).is_ok_and(|lake| {
                    run(Command::new(&binary).arg("--data-dir").arg(lake.path()).arg("import").arg(&file))
                })
            }),
        ),
    ];
    if let Some(python) = python {
        measured.push((
            "coverage of ocdscardinal",
            Box::new(move || run(Command::new(&python).args(["-c", script]).arg(path))),
        ));
    }
    let mut best = vec![f64::INFINITY; measured.len()];
    for _ in 0..number("ROUNDS", 3).max(1) {
        for ((name, measure), best) in measured.iter().zip(&mut best) {
            let start = Instant::now();
            if !measure() {
                return Err(format!("{name} failed").into());
            }
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    for ((name, _), seconds) in measured.iter().zip(&best) {
        writeln!(
            std::io::stdout(),
            "{name:<26} {seconds:7.2} s {:8.0} MB/s {:9.0} releases/s   {:5.2} x the bare parse",
            bytes as f64 / 1e6 / seconds,
            releases as f64 / seconds,
            best[0] / seconds,
        )?;
    }
    Ok(())
}
