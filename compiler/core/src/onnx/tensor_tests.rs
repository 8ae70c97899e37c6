//! Every encoding of every element type, and what is wrong with the others.

use super::proto::{SparseTensorProto, StringStringEntryProto, TensorProto};
use super::tensor::{TensorReader, element_type, element_type_number};
use crate::diag::{Code, OpError};
use crate::tensor::{Data, Tensor};
use crate::types::DType;
use half::{bf16, f16};
use std::io;

fn file(name: &str) -> io::Result<Vec<u8>> {
    match name {
        "weights/w.bin" => Ok((0..16).collect()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn read(t: &TensorProto) -> Result<Tensor, OpError> {
    TensorReader::new(&file).read(t)
}

fn proto(element: &str, dims: &[i64]) -> TensorProto {
    let data_type = element_type_number(element).unwrap();
    TensorProto { name: "w".into(), data_type, dims: dims.to_vec(), ..Default::default() }
}

fn external(entries: &[(&str, &str)]) -> Vec<StringStringEntryProto> {
    entries.iter().map(|(k, v)| StringStringEntryProto { key: (*k).into(), value: (*v).into() }).collect()
}

#[test]
fn every_element_type_is_read_from_raw_and_typed_data() {
    let typed = |element: &str, fill: &dyn Fn(&mut TensorProto)| {
        let mut t = proto(element, &[2]);
        fill(&mut t);
        t
    };
    let ints = |v: [i32; 2]| move |t: &mut TensorProto| t.int32_data = v.into();
    let cases = [
        (typed("bool", &ints([0, 1])), Data::Bool(vec![false, true])),
        (typed("int8", &ints([-128, 127])), Data::I8(vec![-128, 127])),
        (typed("uint8", &ints([0, 255])), Data::U8(vec![0, 255])),
        (typed("int16", &ints([-32768, 32767])), Data::I16(vec![-32768, 32767])),
        (typed("uint16", &ints([0, 65535])), Data::U16(vec![0, 65535])),
        (typed("int32", &ints([i32::MIN, 7])), Data::I32(vec![i32::MIN, 7])),
        (typed("uint32", &|t| t.uint64_data = vec![0, u32::MAX.into()]), Data::U32(vec![0, u32::MAX])),
        (typed("int64", &|t| t.int64_data = vec![i64::MIN, 1]), Data::I64(vec![i64::MIN, 1])),
        (typed("uint64", &|t| t.uint64_data = vec![u64::MAX, 1]), Data::U64(vec![u64::MAX, 1])),
        (typed("float16", &ints([0x3c00, 0xc000])), Data::F16(vec![f16::ONE, f16::from_f32(-2.0)])),
        (typed("bfloat16", &ints([0x3f80, 0xc000])), Data::BF16(vec![bf16::ONE, bf16::from_f32(-2.0)])),
        (typed("float", &|t| t.float_data = vec![1.5, -0.0]), Data::F32(vec![1.5, -0.0])),
        (typed("double", &|t| t.double_data = vec![1.5, -0.0]), Data::F64(vec![1.5, -0.0])),
    ];
    assert_eq!(cases.len(), DType::ALL.len());
    for (typed, data) in cases {
        let want = Tensor::new([2], data).unwrap();
        assert_eq!(read(&typed).unwrap(), want, "typed {}", want.dtype());
        let raw = TensorProto { raw_data: want.data().to_le_bytes(), dims: vec![2], ..proto("float", &[2]) };
        let raw = TensorProto { data_type: typed.data_type, ..raw };
        assert_eq!(read(&raw).unwrap(), want, "raw {}", want.dtype());
        let both = TensorProto { raw_data: want.data().to_le_bytes(), ..typed };
        assert_eq!(read(&both).unwrap_err().code, Code::BadTensor, "both {}", want.dtype());
    }
}

#[test]
fn scalars_and_empty_tensors() {
    let scalar = TensorProto { float_data: vec![2.0], ..proto("float", &[]) };
    assert_eq!(read(&scalar).unwrap(), Tensor::of([], vec![2f32]));
    assert_eq!(read(&proto("int8", &[3, 0])).unwrap(), Tensor::of([3, 0], Vec::<i8>::new()));
}

#[test]
fn external_data_are_a_part_of_a_file() {
    let at = |entries: &[(&str, &str)]| TensorProto {
        data_location: 1,
        external_data: external(entries),
        ..proto("uint8", &[3])
    };
    let location = ("location", "weights/w.bin");
    assert_eq!(read(&at(&[location])).unwrap(), Tensor::of([3], vec![0u8, 1, 2]));
    let part = at(&[location, ("offset", "13"), ("length", "3"), ("checksum", "?")]);
    assert_eq!(read(&part).unwrap(), Tensor::of([3], vec![13u8, 14, 15]));
    assert_eq!(read(&at(&[location, ("offset", "14")])).unwrap_err().code, Code::MissingData);
    assert_eq!(read(&at(&[location, ("offset", "18446744073709551615")])).unwrap_err().code, Code::MissingData);
    assert_eq!(read(&at(&[("location", "other.bin")])).unwrap_err().code, Code::MissingData);
}

#[test]
fn counts_that_do_not_fit_are_errors() {
    let raw = |n: usize| TensorProto { raw_data: vec![0; n], ..proto("float", &[2]) };
    for t in [raw(4), raw(7), raw(12), proto("float", &[2]), proto("float", &[1 << 20, 1 << 8])] {
        assert_eq!(read(&t).unwrap_err().code, Code::BadTensor, "{t:?}");
    }
    let wrong_field = TensorProto { int32_data: vec![1, 2], ..proto("float", &[2]) };
    assert_eq!(read(&wrong_field).unwrap_err().code, Code::BadTensor);
    assert_eq!(read(&proto("float", &[-1])).unwrap_err().code, Code::BadDim);
    assert_eq!(read(&proto("float", &[i64::MAX, i64::MAX])).unwrap_err().code, Code::BadDim);
}

#[test]
fn unsupported_element_types_are_named() {
    let message = |number: i64| element_type(number).unwrap_err().message;
    assert_eq!(message(8), "element type string is not supported");
    assert_eq!(message(22), "element type int4 is not supported");
    assert_eq!(message(0), "element type 0 is unknown");
    assert_eq!(message(-1), "element type -1 is unknown");
    assert_eq!(message(99), "element type 99 is unknown");
    let supported = (1..=28).filter(|&n| element_type(n).is_ok()).count();
    assert_eq!(supported, DType::ALL.len());
}

#[test]
fn sparse_tensors_are_made_dense() {
    let sparse = |dims: &[i64], shape: &[i64], indices: &[i64]| {
        let values = TensorProto { float_data: vec![5.0, 7.0], ..proto("float", &[2]) };
        let indices = TensorProto { int64_data: indices.to_vec(), ..proto("int64", shape) };
        let s = SparseTensorProto { values: Some(values), indices: Some(indices), dims: dims.to_vec() };
        TensorReader::new(&file).read_sparse(&s)
    };
    let want = Tensor::of([2, 3], vec![0f32, 5.0, 0.0, 0.0, 0.0, 7.0]);
    assert_eq!(sparse(&[2, 3], &[2], &[1, 5]).unwrap(), want);
    assert_eq!(sparse(&[2, 3], &[2, 2], &[0, 1, 1, 2]).unwrap(), want);
    for (shape, indices) in [(&[2][..], &[1, 6][..]), (&[2], &[-1, 0]), (&[1], &[1]), (&[2, 2], &[0, 1, 1, 3])] {
        assert_eq!(sparse(&[2, 3], shape, indices).unwrap_err().code, Code::BadTensor, "{indices:?}");
    }
    assert_eq!(sparse(&[100_000, 1000], &[2], &[1, 5]).unwrap_err().code, Code::BadDim);
}
