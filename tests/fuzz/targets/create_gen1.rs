//! I/O. Feeds the fuzzer's bytes to `vobiz_fuzz::create_gen1`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vobiz_fuzz::create_gen1(bytes));
