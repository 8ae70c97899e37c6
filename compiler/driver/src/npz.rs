//! Samples in NumPy's `.npz` files.

use crate::exit::Failure;
use half::f16;
use npyz::{DType as NpyType, NpyFile, Order, TypeChar, WriteOptions, WriterBuilder};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Write};
use std::path::Path;
use tinyc_core::diag::Code;
use tinyc_core::tensor::{Data, Tensor};
use tinyc_core::types::{DType, TensorType};
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipArchive, ZipWriter};

/// The arrays of a file, by name.
pub struct Npz {
    path: String,
    arrays: BTreeMap<String, Tensor>,
}

impl Npz {
    pub fn read(path: &Path) -> Result<Npz, Failure> {
        let name = path.display().to_string();
        let unreadable = |e: &dyn std::fmt::Display| Failure::new(Code::Read, format!("cannot read {name}: {e}"));
        let malformed = |e: &dyn std::fmt::Display| Failure::new(Code::BadData, format!("{name}: {e}"));
        let file = File::open(path).map_err(|e| unreadable(&e))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| malformed(&e))?;
        let mut arrays = BTreeMap::new();
        for i in 0..archive.len() {
            let entry = archive.by_index(i).map_err(|e| malformed(&e))?;
            let file = entry.name().map_err(|e| malformed(&e))?.into_owned();
            let Some(key) = npyz::npz::array_name_from_file_name(&file) else { continue };
            let tensor = read_array(entry).map_err(|e| malformed(&format!("array {key:?}: {e}")))?;
            arrays.insert(key.to_owned(), tensor);
        }
        Ok(Npz { path: name, arrays })
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    /// Element type of the samples of an input or output.
    pub fn dtype(&self, kind: &str, name: &str) -> Option<DType> {
        self.array(kind, name).map(Tensor::dtype)
    }

    /// The array of a name, whatever it is.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.arrays.get(name)
    }

    fn array(&self, kind: &str, name: &str) -> Option<&Tensor> {
        let bare = (kind == "input").then(|| self.arrays.get(name)).flatten();
        self.arrays.get(&format!("{kind}/{name}")).or(bare)
    }

    /// The samples of an input or output: `kind/NAME`, or for inputs the bare name. Each sample gets
    /// the type `ty`, whose numbers include those of the array; `None` when there is no such array.
    pub fn samples(&self, kind: &str, name: &str, ty: &TensorType) -> Result<Option<Vec<Tensor>>, Failure> {
        let Some(array) = self.array(kind, name) else { return Ok(None) };
        let n = ty.elements();
        let whole = n > 0 && array.data().len() % n == 0;
        if !whole || !stacks(array.shape(), &ty.shape) || !holds(ty.dtype, array.dtype()) {
            let message = format!("{}: array for {kind} {name:?} is {}, samples are {ty}", self.path, array.ty());
            let axes: String = ty.shape.iter().map(|d| format!(",{d}")).collect();
            let help = format!("store it as {}[samples{axes}]", ty.dtype);
            return Err(Failure::new(Code::BadData, message).help(&help));
        }
        let samples = (0..array.data().len() / n).map(|s| {
            let data = array.data().gather(s * n..(s + 1) * n);
            Tensor::new(ty.shape.clone(), data).expect("n elements a sample").cast(ty.dtype)
        });
        Ok(Some(samples.collect()))
    }
}

/// Whether the axes of an array behind the first are those of a sample: all of them, all but the first, or one for all
/// elements. Axes of extent 1 may be left out.
fn stacks(array: &[usize], sample: &[usize]) -> bool {
    let long = |axes: &[usize]| axes.iter().copied().filter(|&d| d != 1).collect::<Vec<_>>();
    let (axes, rest) = (long(array.get(1..).unwrap_or_default()), sample.get(1..).unwrap_or_default());
    axes.len() <= 1 || axes == long(sample) || axes == long(rest)
}

/// Whether floats of a type hold all numbers of another: images are stored as integers.
fn holds(ty: DType, stored: DType) -> bool {
    let narrow = matches!(stored, DType::U8 | DType::I8 | DType::U16 | DType::I16 | DType::F16);
    ty == stored || narrow && matches!(ty, DType::F32 | DType::F64)
}

/// The bytes of a file with these arrays; each stacks samples of one type along a new first axis. The
/// same samples give the same bytes.
pub fn bytes<'a>(arrays: impl Iterator<Item = (String, Vec<&'a Tensor>)>) -> Result<Vec<u8>, Failure> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, samples) in arrays {
        let failed =
            |e: &dyn std::fmt::Display| Failure::new(Code::BadData, format!("cannot write the array {name:?}: {e}"));
        let array = npy(&samples).map_err(|e| failed(&e))?;
        let large = u32::try_from(array.len()).is_err();
        let options = SimpleFileOptions::default().last_modified_time(DateTime::default()).large_file(large);
        zip.start_file(format!("{name}.npy"), options).map_err(|e| failed(&e))?;
        zip.write_all(&array).map_err(|e| failed(&e))?;
    }
    let file = zip.finish().map_err(|e| Failure::new(Code::BadData, format!("cannot write arrays: {e}")))?;
    Ok(file.into_inner())
}

/// NumPy has no bfloat16: such samples become 32-bit floats.
fn npy(samples: &[&Tensor]) -> Result<Vec<u8>, String> {
    let Some(first) = samples.first() else { return Err("there are no samples".to_owned()) };
    let code = match first.dtype() {
        DType::Bool => "|b1",
        DType::I8 => "|i1",
        DType::U8 => "|u1",
        DType::I16 => "<i2",
        DType::U16 => "<u2",
        DType::I32 => "<i4",
        DType::U32 => "<u4",
        DType::I64 => "<i8",
        DType::U64 => "<u8",
        DType::F16 => "<f2",
        DType::BF16 | DType::F32 => "<f4",
        DType::F64 => "<f8",
    };
    let ty = NpyType::new_scalar(code.parse().map_err(|e| format!("{code}: {e}"))?);
    let shape: Vec<u64> = [samples.len()].iter().chain(first.shape().iter()).map(|&d| d as u64).collect();
    let mut out = Vec::new();
    WriteOptions::new_header_only()
        .dtype(ty)
        .shape(&shape)
        .writer(&mut out)
        .write_header_only()
        .map_err(|e| e.to_string())?;
    for sample in samples {
        if sample.dtype() == DType::BF16 {
            out.extend(sample.to_f64s().into_iter().flat_map(|v| (v as f32).to_le_bytes()));
        } else {
            out.extend(sample.data().to_le_bytes());
        }
    }
    Ok(out)
}

fn read_array(entry: impl Read) -> Result<Tensor, String> {
    let npy = NpyFile::new(entry).map_err(|e| e.to_string())?;
    if npy.order() != Order::C {
        return Err("arrays in Fortran order are not supported".to_owned());
    }
    let shape: Vec<usize> = npy.shape().iter().map(|&d| d as usize).collect();
    let NpyType::Plain(ty) = npy.dtype() else { return Err("structured arrays are not supported".to_owned()) };
    let data = match (ty.type_char(), ty.size_field()) {
        (TypeChar::Bool, 1) => Data::Bool(values(npy)?),
        (TypeChar::Int, 1) => Data::I8(values(npy)?),
        (TypeChar::Int, 2) => Data::I16(values(npy)?),
        (TypeChar::Int, 4) => Data::I32(values(npy)?),
        (TypeChar::Int, 8) => Data::I64(values(npy)?),
        (TypeChar::Uint, 1) => Data::U8(values(npy)?),
        (TypeChar::Uint, 2) => Data::U16(values(npy)?),
        (TypeChar::Uint, 4) => Data::U32(values(npy)?),
        (TypeChar::Uint, 8) => Data::U64(values(npy)?),
        (TypeChar::Float, 2) => Data::F16(values::<f16>(npy)?),
        (TypeChar::Float, 4) => Data::F32(values(npy)?),
        (TypeChar::Float, 8) => Data::F64(values(npy)?),
        _ => return Err(format!("element type {ty} is not supported")),
    };
    Tensor::new(shape, data).ok_or_else(|| "fewer elements than its shape says".to_owned())
}

fn values<T: npyz::Deserialize>(npy: NpyFile<impl Read>) -> Result<Vec<T>, String> {
    npy.into_vec().map_err(|e| e.to_string())
}
