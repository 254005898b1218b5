//! I/O. Feeds the fuzzer's bytes to `vobiz_fuzz::marker`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vobiz_fuzz::marker(bytes));
