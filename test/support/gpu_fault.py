"""A real fault of a real GPU: a kernel that writes where nothing is."""

from __future__ import annotations

_PTX = b"""
.version 7.0
.target sm_75
.address_size 64
.visible .entry write_nowhere()
{
    .reg .b64 %address;
    mov.u64 %address, 16;
    st.global.u32 [%address], 1;
    ret;
}
"""


def lose_device() -> str:
    """
    Run the kernel on the device that is selected; return what CUDA says of it.

    From here on every call of this process to that device fails alike.
    """
    from cuda.bindings import driver

    error, module = driver.cuModuleLoadData(_PTX + b'\0')
    assert int(error) == 0, error
    error, kernel = driver.cuModuleGetFunction(module, b'write_nowhere')
    assert int(error) == 0, error
    (error,) = driver.cuLaunchKernel(kernel, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0)
    assert int(error) == 0, error
    (error,) = driver.cuCtxSynchronize()
    return error.name
