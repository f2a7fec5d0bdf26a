//! CRCs: those of the catalogue, and any that is given by its parameters.

/// The parameters of a CRC, as [the catalogue](https://reveng.sourceforge.io/crc-catalogue/) has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Crc {
    /// Its size in bits, from 1 to 64.
    pub width: u8,
    /// The polynomial without its highest term.
    pub polynomial: u64,
    /// What the register begins with.
    pub initial: u64,
    /// Whether the lowest bit of a byte comes first, of the result too.
    pub reflected: bool,
    /// What the result is combined with by exclusive or.
    pub xor: u64,
}

impl Crc {
    /// The largest number of its width.
    pub fn mask(&self) -> u64 {
        u64::MAX >> 64u32.saturating_sub(self.width.into()).min(63)
    }

    /// Its name in the catalogue, if it has one there.
    pub fn name(&self) -> Option<&'static str> {
        Crc::all().find(|(_, crc)| crc == self).map(|(name, _)| name)
    }

    /// The CRCs of 8, 16, 24, 32 and 64 bits of the catalogue, and their names.
    pub fn all() -> impl Iterator<Item = (&'static str, Crc)> {
        fn of<W: Copy + Into<u64> + crc::Width>(
            known: &'static [(&str, &crc::Algorithm<W>)],
        ) -> impl Iterator<Item = (&'static str, Crc)> {
            known.iter().map(|(name, about)| {
                let [polynomial, initial, xor] = [about.poly, about.init, about.xorout].map(Into::into);
                (*name, Crc { width: about.width, polynomial, initial, reflected: about.refin, xor })
            })
        }
        of(CRC_8).chain(of(CRC_16)).chain(of(CRC_24)).chain(of(CRC_32)).chain(of(CRC_64))
    }

    /// What its register holds after each of these bytes was shifted through it, from zero.
    pub fn table(&self) -> Box<[u64; 256]> {
        let (shift, mask) = (64 - u32::from(self.width.clamp(1, 64)), self.mask());
        // A register that is shifted to the left has its highest bit on top.
        let polynomial = match self.reflected {
            true => (self.polynomial & mask).reverse_bits() >> shift,
            false => (self.polynomial & mask) << shift,
        };
        let mut table = Box::new([0u64; 256]);
        for (byte, entry) in (0u64..).zip(&mut *table) {
            *entry = if self.reflected { byte } else { byte << 56 };
            for _ in 0..8 {
                let (carry, shifted) = match self.reflected {
                    true => (*entry & 1, *entry >> 1),
                    false => (*entry >> 63, *entry << 1),
                };
                *entry = if carry == 1 { shifted ^ polynomial } else { shifted };
            }
        }
        table
    }
}

/// A CRC of any width, a byte at a time.
pub(super) struct AnyCrc {
    pub(super) about: Crc,
    table: Box<[u64; 256]>,
}

impl AnyCrc {
    pub(super) fn new(about: Crc) -> AnyCrc {
        AnyCrc { about, table: about.table() }
    }

    pub(super) fn checksum(&self, bytes: &[u8]) -> u64 {
        let Crc { initial, reflected, xor, .. } = self.about;
        let (shift, mask) = (64 - u32::from(self.about.width.clamp(1, 64)), self.about.mask());
        let of = |byte: u8| self.table.get(usize::from(byte)).copied().unwrap_or(0);
        let register = match reflected {
            true => bytes.iter().fold((initial & mask).reverse_bits() >> shift, |register, byte| {
                let [low, ..] = register.to_le_bytes();
                of(low ^ byte) ^ register >> 8
            }),
            false => {
                let register = bytes.iter().fold((initial & mask) << shift, |register, byte| {
                    let [high, ..] = register.to_be_bytes();
                    of(high ^ byte) ^ register << 8
                });
                register >> shift
            }
        };
        (register ^ xor) & mask
    }
}

/// A CRC of 16 bits over eight bytes at a time. The library's own code decides again for each byte in which order bits
/// count, which takes twice as long for the few bytes of a header.
pub(super) struct Crc16 {
    lanes: Box<[[u16; 256]; 8]>,
    begin: u16,
    xor: u16,
    reflected: bool,
}

impl Crc16 {
    pub(super) fn new(algorithm: &crc::Algorithm<u16>) -> Crc16 {
        // In all of the catalogue, bits go in and come out in the same order.
        let reflected = algorithm.refin;
        let polynomial = if reflected { algorithm.poly.reverse_bits() } else { algorithm.poly };
        let mut lanes = Box::new([[0u16; 256]; 8]);
        let mut last = [0u16; 256];
        for (byte, entry) in (0u16..).zip(&mut last) {
            *entry = if reflected { byte } else { byte << 8 };
            for _ in 0..8 {
                let (carry, shifted) = match reflected {
                    true => (*entry & 1, *entry >> 1),
                    false => (*entry >> 15, *entry << 1),
                };
                *entry = if carry == 1 { shifted ^ polynomial } else { shifted };
            }
        }
        let first = last;
        for lane in &mut *lanes {
            *lane = last;
            for entry in &mut last {
                let [high, low] = entry.to_be_bytes();
                let (own, rest) = if reflected { (low, *entry >> 8) } else { (high, *entry << 8) };
                *entry = rest ^ first.get(usize::from(own)).copied().unwrap_or(0);
            }
        }
        let begin = if reflected { algorithm.init.reverse_bits() } else { algorithm.init };
        Crc16 { lanes, begin, xor: algorithm.xorout, reflected }
    }

    pub(super) fn checksum(&self, bytes: &[u8]) -> u16 {
        let crc = if self.reflected { self.run::<true>(bytes) } else { self.run::<false>(bytes) };
        crc ^ self.xor
    }

    #[inline]
    fn run<const REFLECTED: bool>(&self, bytes: &[u8]) -> u16 {
        let [l0, l1, l2, l3, l4, l5, l6, l7] = &*self.lanes;
        let of = |lane: &[u16; 256], byte: u8| lane.get(usize::from(byte)).copied().unwrap_or(0);
        let mut crc = self.begin;
        let (blocks, rest) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in blocks {
            let [first, second] = if REFLECTED { crc.to_le_bytes() } else { crc.to_be_bytes() };
            crc = of(l7, a ^ first)
                ^ of(l6, b ^ second)
                ^ of(l5, c)
                ^ of(l4, d)
                ^ of(l3, e)
                ^ of(l2, f)
                ^ of(l1, g)
                ^ of(l0, h);
        }
        for &byte in rest {
            let [high, low] = crc.to_be_bytes();
            crc = match REFLECTED {
                true => of(l0, low ^ byte) ^ crc >> 8,
                false => of(l0, high ^ byte) ^ crc << 8,
            };
        }
        crc
    }
}

macro_rules! catalogue {
    ($($name:literal = $constant:ident,)+) => { &[$(($name, &crc::$constant),)+] };
}

pub(super) static CRC_8: &[(&str, &crc::Algorithm<u8>)] = catalogue! {
    "crc-8/autosar" = CRC_8_AUTOSAR, "crc-8/bluetooth" = CRC_8_BLUETOOTH, "crc-8/cdma2000" = CRC_8_CDMA2000,
    "crc-8/darc" = CRC_8_DARC, "crc-8/dvb-s2" = CRC_8_DVB_S2, "crc-8/gsm-a" = CRC_8_GSM_A, "crc-8/gsm-b" = CRC_8_GSM_B,
    "crc-8/hitag" = CRC_8_HITAG, "crc-8/i-432-1" = CRC_8_I_432_1, "crc-8/i-code" = CRC_8_I_CODE, "crc-8/lte" = CRC_8_LTE,
    "crc-8/maxim-dow" = CRC_8_MAXIM_DOW, "crc-8/mifare-mad" = CRC_8_MIFARE_MAD, "crc-8/nrsc-5" = CRC_8_NRSC_5,
    "crc-8/opensafety" = CRC_8_OPENSAFETY, "crc-8/rohc" = CRC_8_ROHC, "crc-8/sae-j1850" = CRC_8_SAE_J1850,
    "crc-8/smbus" = CRC_8_SMBUS, "crc-8/tech-3250" = CRC_8_TECH_3250, "crc-8/wcdma" = CRC_8_WCDMA,
};

pub(super) static CRC_16: &[(&str, &crc::Algorithm<u16>)] = catalogue! {
    "crc-16/arc" = CRC_16_ARC, "crc-16/cdma2000" = CRC_16_CDMA2000, "crc-16/cms" = CRC_16_CMS,
    "crc-16/dds-110" = CRC_16_DDS_110, "crc-16/dect-r" = CRC_16_DECT_R, "crc-16/dect-x" = CRC_16_DECT_X,
    "crc-16/dnp" = CRC_16_DNP, "crc-16/en-13757" = CRC_16_EN_13757, "crc-16/genibus" = CRC_16_GENIBUS,
    "crc-16/gsm" = CRC_16_GSM, "crc-16/ibm-3740" = CRC_16_IBM_3740, "crc-16/ibm-sdlc" = CRC_16_IBM_SDLC,
    "crc-16/iso-iec-14443-3-a" = CRC_16_ISO_IEC_14443_3_A, "crc-16/kermit" = CRC_16_KERMIT, "crc-16/lj1200" = CRC_16_LJ1200,
    "crc-16/m17" = CRC_16_M17, "crc-16/maxim-dow" = CRC_16_MAXIM_DOW, "crc-16/mcrf4xx" = CRC_16_MCRF4XX, "crc-16/modbus" = CRC_16_MODBUS,
    "crc-16/nrsc-5" = CRC_16_NRSC_5, "crc-16/opensafety-a" = CRC_16_OPENSAFETY_A,
    "crc-16/opensafety-b" = CRC_16_OPENSAFETY_B, "crc-16/profibus" = CRC_16_PROFIBUS, "crc-16/riello" = CRC_16_RIELLO,
    "crc-16/spi-fujitsu" = CRC_16_SPI_FUJITSU, "crc-16/t10-dif" = CRC_16_T10_DIF, "crc-16/teledisk" = CRC_16_TELEDISK,
    "crc-16/tms37157" = CRC_16_TMS37157, "crc-16/umts" = CRC_16_UMTS, "crc-16/usb" = CRC_16_USB,
    "crc-16/xmodem" = CRC_16_XMODEM,
};

pub(super) static CRC_24: &[(&str, &crc::Algorithm<u32>)] = catalogue! {
    "crc-24/ble" = CRC_24_BLE, "crc-24/flexray-a" = CRC_24_FLEXRAY_A, "crc-24/flexray-b" = CRC_24_FLEXRAY_B,
    "crc-24/interlaken" = CRC_24_INTERLAKEN, "crc-24/lte-a" = CRC_24_LTE_A, "crc-24/lte-b" = CRC_24_LTE_B,
    "crc-24/openpgp" = CRC_24_OPENPGP, "crc-24/os-9" = CRC_24_OS_9,
};

pub(super) static CRC_32: &[(&str, &crc::Algorithm<u32>)] = catalogue! {
    "crc-32/aixm" = CRC_32_AIXM, "crc-32/autosar" = CRC_32_AUTOSAR, "crc-32/base91-d" = CRC_32_BASE91_D,
    "crc-32/bzip2" = CRC_32_BZIP2, "crc-32/cd-rom-edc" = CRC_32_CD_ROM_EDC, "crc-32/cksum" = CRC_32_CKSUM,
    "crc-32/iscsi" = CRC_32_ISCSI, "crc-32/iso-hdlc" = CRC_32_ISO_HDLC, "crc-32/jamcrc" = CRC_32_JAMCRC, "crc-32/mef" = CRC_32_MEF,
    "crc-32/mpeg-2" = CRC_32_MPEG_2, "crc-32/xfer" = CRC_32_XFER,
};

pub(super) static CRC_64: &[(&str, &crc::Algorithm<u64>)] = catalogue! {
    "crc-64/ecma-182" = CRC_64_ECMA_182, "crc-64/go-iso" = CRC_64_GO_ISO, "crc-64/ms" = CRC_64_MS, "crc-64/nvme" = CRC_64_NVME, "crc-64/redis" = CRC_64_REDIS, "crc-64/we" = CRC_64_WE, "crc-64/xz" = CRC_64_XZ,
};
