//! A local authority that certificates for TLS clients are signed by: made once, kept in a folder, trusted by whoever chooses to.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::sign::CertifiedKey;

/// The files of an authority.
const CERTIFICATE: &str = "framescope-ca.pem";
const KEY: &str = "framescope-ca-key.pem";
/// What certificates call it.
const NAME: &str = "Framescope local authority";
/// Systems refuse certificates that are valid for much longer than a year.
const VALID: Duration = Duration::from_secs(390 * DAY);
const DAY: u64 = 24 * 60 * 60;
/// Certificates that are kept; names come from clients.
const MOST_KEPT: usize = 1024;

/// A local authority.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    kept: Mutex<HashMap<Vec<String>, Arc<CertifiedKey>>>,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its files can't be read or written.
    #[error("the authority in {} can't be used: {cause}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Its key can't be read, or can't sign.
    #[error("the authority in {} can't be used: {cause}; delete both of its files, and a new one is made", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        cause: rcgen::Error,
    },
    /// The environment does not say where a user's data is.
    #[error("there is no folder for an authority: name one with --authority FOLDER")]
    NoFolder,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// What the certificate of the authority with this key says.
fn own_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name = rcgen::DistinguishedName::new();
    // No two have the same name, or a certificate of one would seem to be of the other, and its signature wrong.
    let number = key
        .public_key_raw()
        .iter()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    params.distinguished_name.push(DnType::CommonName, format!("{NAME} {number:08x}"));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    params
}

impl Authority {
    /// The folder of the user's data where an authority is unless another one is named.
    pub fn default_folder() -> Option<PathBuf> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = if cfg!(windows) {
            variable("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            variable("HOME").map(|home| home.join("Library/Application Support"))
        } else {
            variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))
        };
        data.map(|data| data.join("framescope").join("authority"))
    }

    /// The authority in a folder, which is made if there is none.
    ///
    /// # Errors
    /// Its files can't be read, written or used.
    pub fn open(folder: &Path) -> Result<Authority, AuthorityError> {
        let (certificate, key_file) = (folder.join(CERTIFICATE), folder.join(KEY));
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |cause| AuthorityError::Key { path, cause }
        };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| AuthorityError::File { path, cause }
        };
        let key = if certificate.exists() && key_file.exists() {
            let text = fs::read_to_string(&key_file).map_err(failed(&key_file))?;
            KeyPair::from_pem(&text).map_err(unusable(&key_file))?
        } else {
            let key = KeyPair::generate().map_err(unusable(&key_file))?;
            let own = own_params(&key).self_signed(&key).map_err(unusable(&key_file))?;
            fs::create_dir_all(folder).map_err(failed(folder))?;
            write_secret(&key_file, &key.serialize_pem()).map_err(failed(&key_file))?;
            fs::write(&certificate, own.pem()).map_err(failed(&certificate))?;
            key
        };
        let issuer = Issuer::new(own_params(&key), key);
        Ok(Authority { folder: folder.to_owned(), issuer, kept: Mutex::default() })
    }

    /// The certificate that clients have to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// A certificate for a server with these names or addresses; None where they can't be in one.
    pub(super) fn certify(&self, names: Vec<String>) -> Option<Arc<CertifiedKey>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&names) {
            return Some(Arc::clone(known));
        }
        let made = Arc::new(self.make(&names)?);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(names, Arc::clone(&made));
        Some(made)
    }

    fn make(&self, names: &[String]) -> Option<CertifiedKey> {
        let mut params = CertificateParams::new(names).ok()?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, names.first()?.chars().take(64).collect::<String>());
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let now = SystemTime::now();
        params.not_before = now.checked_sub(Duration::from_secs(DAY))?.into();
        params.not_after = now.checked_add(VALID)?.into();
        let key = KeyPair::generate().ok()?;
        let certificate = params.signed_by(&key, &self.issuer).ok()?;
        let key = any_supported_type(&PrivateKeyDer::Pkcs8(key.serialize_der().into())).ok()?;
        Some(CertifiedKey::new(vec![certificate.der().clone()], key))
    }
}

/// Writes a file that only the user can read.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_authority_is_made_once_and_a_broken_one_is_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("new");
        let made = Authority::open(&inside).unwrap();
        let certificate = fs::read(made.certificate()).unwrap();
        assert!(certificate.starts_with(b"-----BEGIN CERTIFICATE-----"));
        let again = Authority::open(&inside).unwrap();
        assert_eq!(fs::read(again.certificate()).unwrap(), certificate);
        let names = || vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let first = again.certify(names()).unwrap();
        assert!(Arc::ptr_eq(&first, &again.certify(names()).unwrap()));
        assert!(again.certify(vec!["b\u{e9}".to_owned()]).is_none() && again.certify(Vec::new()).is_none());
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &fs::metadata(inside.join(KEY)).unwrap().permissions(),
            );
            assert_eq!(mode & 0o77, 0);
        }
        fs::write(inside.join(KEY), "no key").unwrap();
        let error = Authority::open(&inside).unwrap_err().to_string();
        assert!(error.ends_with("delete both of its files, and a new one is made"), "{error}");
    }
}
