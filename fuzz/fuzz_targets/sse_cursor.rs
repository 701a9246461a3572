//! Places in a stream, as browsers may claim them, against a bus with a known history.
#![no_main]

use hotline_fuzz::cursor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| cursor::resume(script));
