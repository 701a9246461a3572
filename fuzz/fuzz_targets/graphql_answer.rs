//! Answers of Plain's API: a status and a body, read as that of every operation.
#![no_main]

use hotline_fuzz::{answer, json};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|body: &[u8]| answer::read(body));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    json::mutate(data, size, max_size, seed).unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});
