//! `chance TARGET SECONDS FOLDER…`: a target over seed files and random changes of them, without libFuzzer and so
//! without its feeling for coverage. For machines where that cannot be built.

use hotline_fuzz::{TARGETS, json};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, seconds, folders @ ..] = arguments.as_slice() else {
        eprintln!("usage: chance TARGET SECONDS FOLDER…");
        return ExitCode::from(2);
    };
    let (Some(target), Ok(seconds)) = (TARGETS.iter().find(|it| it.name == *name), seconds.parse())
    else {
        eprintln!("no such target, or no number of seconds");
        return ExitCode::from(2);
    };
    let mut seeds = vec![Vec::new()];
    for folder in folders {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        seeds.extend(files.filter_map(|file| fs::read(file.path()).ok()));
    }
    let began = Instant::now();
    let mut chance = json::Chance::new(std::process::id().into());
    let mut runs: u64 = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        let seed = match seeds.get(runs as usize) {
            Some(seed) => seed.clone(),
            None => changed(chance.pick(&seeds), target.json, &mut chance),
        };
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&seed))).is_err() {
            let path = Path::new("fuzz/artifacts").join(name).join(format!("chance-{runs}"));
            let kept = path
                .parent()
                .map(fs::create_dir_all)
                .transpose()
                .and_then(|_| fs::write(&path, &seed));
            eprintln!("{name} failed; the input is in {} ({kept:?})", path.display());
            return ExitCode::FAILURE;
        }
        runs += 1;
    }
    println!(
        "{name}: {runs} runs over {} seeds in {} s, no failure",
        seeds.len(),
        began.elapsed().as_secs()
    );
    ExitCode::SUCCESS
}

fn changed(seed: &[u8], is_json: bool, chance: &mut json::Chance) -> Vec<u8> {
    if is_json
        && chance.below(8) > 0
        && let Some(bent) = json::bend(seed, chance)
    {
        return bent;
    }
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(16) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(3) {
            0 if at < bytes.len() => bytes[at] = chance.next() as u8,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.insert(at, chance.next() as u8),
        }
    }
    bytes
}
