/* What Python itself cannot do: give memory back from any thread, also after the
 * interpreter has ended, and end capsules, those of DLPack among them.
 *
 * Of CPython only functions of the stable ABI are called. They are declared here, so
 * that one file serves every version and no Python headers are needed. */
#include <stdlib.h>
#include <string.h>

#include "distarray_abi.h"

typedef struct _object PyObject;
int       Py_IsInitialized(void);
int       PyGILState_Ensure(void);
void      PyGILState_Release(int state);
void      Py_IncRef(PyObject *object);
void      Py_DecRef(PyObject *object);
PyObject *PyCapsule_New(void *pointer, const char *name, void (*destructor)(PyObject *));
void     *PyCapsule_GetPointer(PyObject *capsule, const char *name);
int       PyCapsule_IsValid(PyObject *capsule, const char *name);
PyObject *PyErr_NoMemory(void);

/* The release of memory lent by Python: drops the reference that kept it alive. After
 * the end of the interpreter nothing can be dropped: the memory goes with the process. */
static void release(distarray_export *self) {
  PyObject *owner = self->private_data;
  if (self->release == NULL) return;
  self->release = NULL;
  self->private_data = NULL;
  if (owner != NULL && Py_IsInitialized()) {
    int state = PyGILState_Ensure();
    Py_DecRef(owner);
    PyGILState_Release(state);
  }
}

/* Lets `owner` keep the memory of a loan alive. */
void distarray_python_own(distarray_export *loan, PyObject *owner) {
  Py_IncRef(owner);
  loan->private_data = owner;
  loan->release = release;
}

/* Releases the loan unless a consumer has moved it out. */
static void end_capsule(PyObject *capsule) {
  distarray_export *loan = PyCapsule_GetPointer(capsule, "distarray_export");
  distarray_export_release(loan);
  free(loan);
}

/* Moves a loan into a new capsule; NULL with an exception set where there is no memory:
 * then the loan was given back. */
PyObject *distarray_python_capsule(distarray_export *loan) {
  distarray_export *moved = malloc(sizeof *moved);
  PyObject         *capsule;
  if (moved == NULL) {
    distarray_export_release(loan);
    return PyErr_NoMemory();
  }
  *moved = *loan;
  capsule = PyCapsule_New(moved, "distarray_export", end_capsule);
  if (capsule == NULL) {
    distarray_export_release(moved);
    free(moved);
  }
  return capsule;
}

/* The structs of DLPack, of versions before 1 and from 1 on. */
typedef struct {
  void    *data;
  int32_t  device_type, device_id;
  int32_t  ndim;
  uint8_t  code, bits;
  uint16_t lanes;
  int64_t *shape, *strides; /* the strides count elements */
  uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensor {
  DLTensor tensor;
  void    *manager_ctx;
  void (*deleter)(struct DLManagedTensor *);
} DLManagedTensor;

typedef struct DLManagedTensorVersioned {
  uint32_t major, minor;
  void    *manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned *);
  uint64_t flags;
  DLTensor tensor;
} DLManagedTensorVersioned;

/* What a tensor stands on. */
typedef struct {
  distarray_export loan;
  union {
    DLManagedTensor          before_1;
    DLManagedTensorVersioned versioned;
  } managed;
  int64_t strides[];
} Lent;

static void end_lent(Lent *lent) {
  distarray_export_release(&lent->loan);
  free(lent);
}

static void end_before_1(DLManagedTensor *self) { end_lent(self->manager_ctx); }

static void end_versioned(DLManagedTensorVersioned *self) { end_lent(self->manager_ctx); }

/* Ends the tensor unless a consumer has taken it, and renamed the capsule. */
static void end_tensor_capsule(PyObject *capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor"))
    end_before_1(PyCapsule_GetPointer(capsule, "dltensor"));
  else if (PyCapsule_IsValid(capsule, "dltensor_versioned"))
    end_versioned(PyCapsule_GetPointer(capsule, "dltensor_versioned"));
}

/* Moves a loan into a new capsule of DLPack, as distarray_python_capsule does. */
PyObject *distarray_python_tensor(distarray_export *loan, const int64_t *strides, int versioned,
                                  uint64_t flags) {
  size_t    ndim = (size_t)loan->ndim;
  Lent     *lent = malloc(sizeof *lent + ndim * sizeof *strides);
  PyObject *capsule;
  DLTensor  tensor;
  if (lent == NULL) {
    distarray_export_release(loan);
    return PyErr_NoMemory();
  }
  lent->loan = *loan;
  if (ndim > 0) memcpy(lent->strides, strides, ndim * sizeof *strides);
  tensor.data = loan->data;
  tensor.device_type = loan->device_type;
  tensor.device_id = loan->device_id;
  tensor.ndim = loan->ndim;
  tensor.code = loan->dtype_code;
  tensor.bits = loan->dtype_bits;
  tensor.lanes = loan->dtype_lanes;
  tensor.shape = (int64_t *)loan->shape;
  tensor.strides = lent->strides;
  tensor.byte_offset = loan->byte_offset;
  if (versioned) {
    lent->managed.versioned = (DLManagedTensorVersioned){1, 0, lent, end_versioned, flags, tensor};
    capsule = PyCapsule_New(&lent->managed, "dltensor_versioned", end_tensor_capsule);
  } else {
    lent->managed.before_1 = (DLManagedTensor){tensor, lent, end_before_1};
    capsule = PyCapsule_New(&lent->managed, "dltensor", end_tensor_capsule);
  }
  if (capsule == NULL) end_lent(lent);
  return capsule;
}

/* Gives back a loan that this process still holds. */
void distarray_python_release(distarray_export *loan) { distarray_export_release(loan); }
