/* What Python itself cannot do: give memory back from any thread, also after the
 * interpreter has ended, and end capsules.
 *
 * Of CPython only functions of the stable ABI are called. They are declared here, so
 * that one file serves every version and no Python headers are needed. */
#include <stdlib.h>

#include "distarray_abi.h"

typedef struct _object PyObject;
int       Py_IsInitialized(void);
int       PyGILState_Ensure(void);
void      PyGILState_Release(int state);
void      Py_IncRef(PyObject *object);
void      Py_DecRef(PyObject *object);
PyObject *PyCapsule_New(void *pointer, const char *name, void (*destructor)(PyObject *));
void     *PyCapsule_GetPointer(PyObject *capsule, const char *name);
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

/* Moves a loan into a new capsule; NULL with an exception set where there is no memory. */
PyObject *distarray_python_capsule(distarray_export *loan) {
  distarray_export *moved = malloc(sizeof *moved);
  PyObject         *capsule;
  if (moved == NULL) return PyErr_NoMemory();
  *moved = *loan;
  capsule = PyCapsule_New(moved, "distarray_export", end_capsule);
  if (capsule == NULL) {
    free(moved);
  } else {
    loan->release = NULL;
    loan->private_data = NULL;
  }
  return capsule;
}

/* Gives back a loan that this process still holds. */
void distarray_python_release(distarray_export *loan) { distarray_export_release(loan); }
