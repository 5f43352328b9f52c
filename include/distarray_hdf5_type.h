/* distarray_hdf5_type.h - a loan's element type as HDF5 has it. Included by
 * distarray_hdf5_selection.h.
 */
#ifndef DISTARRAY_HDF5_TYPE_H
#define DISTARRAY_HDF5_TYPE_H

#include <hdf5.h>

#include "distarray_adapter.h"

#ifdef __cplusplus
extern "C" {
#endif

/* HDF5's own error; its stack is on standard error already. */
static inline int32_t distarray_hdf5_failed(distarray_error *error) {
  return distarray_adapter_refuse(error, DISTARRAY_E_IO, -1, "hdf5", 0, -1,
                                  "HDF5 returned an error, and said on standard error which");
}

/* Complex numbers are {r, i}, as h5py has them; bool is an unsigned byte. */
static inline hid_t distarray_hdf5_make_type(uint8_t code, uint8_t bits) {
  hid_t part, pair;
  size_t width = bits / 16;
  switch (code) {
    case DISTARRAY_DTYPE_INT:
      return bits == 8    ? H5Tcopy(H5T_NATIVE_INT8)
             : bits == 16 ? H5Tcopy(H5T_NATIVE_INT16)
             : bits == 32 ? H5Tcopy(H5T_NATIVE_INT32)
             : bits == 64 ? H5Tcopy(H5T_NATIVE_INT64)
                          : -1;
    case DISTARRAY_DTYPE_BOOL:
    case DISTARRAY_DTYPE_UINT:
      return bits == 8    ? H5Tcopy(H5T_NATIVE_UINT8)
             : bits == 16 ? H5Tcopy(H5T_NATIVE_UINT16)
             : bits == 32 ? H5Tcopy(H5T_NATIVE_UINT32)
             : bits == 64 ? H5Tcopy(H5T_NATIVE_UINT64)
                          : -1;
    case DISTARRAY_DTYPE_FLOAT:
      return bits == 32 ? H5Tcopy(H5T_NATIVE_FLOAT) : bits == 64 ? H5Tcopy(H5T_NATIVE_DOUBLE) : -1;
    case DISTARRAY_DTYPE_COMPLEX:
      part = bits == 64 ? H5T_NATIVE_FLOAT : bits == 128 ? H5T_NATIVE_DOUBLE : -1;
      if (part < 0) return -1;
      pair = H5Tcreate(H5T_COMPOUND, 2 * width);
      if (H5Tinsert(pair, "r", 0, part) >= 0 && H5Tinsert(pair, "i", width, part) >= 0)
        return pair;
      H5Tclose(pair);
      return -1;
    default:
      return -1;
  }
}

/* HDF5's type of a loan's elements, closed by the caller. Local. */
static inline int32_t distarray_hdf5_type(const distarray_export *loan, hid_t *type,
                                          distarray_error *error) {
  *type = distarray_hdf5_make_type(loan->dtype_code, loan->dtype_bits);
  if (*type >= 0) return DISTARRAY_OK;
  return distarray_adapter_refuse(
      error, DISTARRAY_E_DTYPE, -1, "dtype_code", DISTARRAY_DTYPE_FLOAT, loan->dtype_code,
      "integers, float, double and complex numbers have a type in HDF5: "
      "distarray_accommodation_new with code and bits makes a copy");
}

#ifdef __cplusplus
}
#endif
#endif /* DISTARRAY_HDF5_TYPE_H */
