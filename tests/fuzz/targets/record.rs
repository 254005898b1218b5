//! I/O. Feeds the fuzzer's bytes to `vobiz_fuzz::record`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vobiz_fuzz::record(bytes));
