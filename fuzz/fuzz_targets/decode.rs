#![no_main]

framescope_fuzz::frames!(decode);
