#pragma once

#include <memory>

namespace davit::cli {

class command;

// One file each: commands/<name>.cpp.
std::unique_ptr<command> make_attach();
std::unique_ptr<command> make_create();
std::unique_ptr<command> make_events();
std::unique_ptr<command> make_images();
std::unique_ptr<command> make_info();
std::unique_ptr<command> make_inspect();
std::unique_ptr<command> make_container_inspect();
std::unique_ptr<command> make_image_inspect();
std::unique_ptr<command> make_kill();
std::unique_ptr<command> make_logs();
std::unique_ptr<command> make_ps();
std::unique_ptr<command> make_pull();
std::unique_ptr<command> make_restart();
std::unique_ptr<command> make_rm();
std::unique_ptr<command> make_rmi();
std::unique_ptr<command> make_run();
std::unique_ptr<command> make_start();
std::unique_ptr<command> make_stop();
std::unique_ptr<command> make_version();
std::unique_ptr<command> make_wait();

} // namespace davit::cli
